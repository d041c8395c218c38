"""Read what venues list; one file a venue, `reading` tells whose an answer is."""
