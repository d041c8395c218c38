"""Tables: folds over keyed state, one deployable a folder."""
