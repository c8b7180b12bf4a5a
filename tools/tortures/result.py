"""What a kind of torture found."""

from dataclasses import dataclass, field


@dataclass
class Result:
    """How often something was tried, and what went wrong, a line each."""

    kind: str
    tries: int = 0
    failures: list[str] = field(default_factory=list)
    note: str = ""

    def expect(self, good: bool, what: str, tries: int = 1) -> None:
        """Count a try, or none; ``what`` says what is wrong if it is not ``good``."""
        self.tries += tries
        if not good:
            self.failures.append(what)
