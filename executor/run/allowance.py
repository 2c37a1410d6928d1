"""How often may something be said? Often in a burst, and so many times a second in the long run."""


class Allowance:
    """Lets `at_once` things pass in a burst and `per_second` in the long run."""

    def __init__(self, per_second: float, at_once: float) -> None:
        self.per_second = per_second
        self.at_once = at_once
        self._left = at_once
        self._since: float | None = None

    def take(self, now: float) -> bool:
        """Whether one more may pass at the time `now` (seconds)."""
        if self._since is not None:
            self._left = min(self.at_once, self._left + (now - self._since) * self.per_second)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
