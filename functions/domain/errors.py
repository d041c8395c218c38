"""Say what can be wrong with facts, as one small tree; only exceptions live here.

DomainError
└── Rejected    a well-formed fact that breaks a rule of the field
"""


class DomainError(Exception):
    """Root of everything the domain refuses."""


class Rejected(DomainError):  # noqa: N818 - the design's word for this delivery decision
    """A well-formed fact breaks a rule; sending it again will not help."""
