"""The bar that tells how far a long command came."""

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn


def progress_bar(console: Console, amount: ProgressColumn | None = None) -> Progress:
    """A bar on ``console`` that goes when it is done; where that is no terminal, nothing. ``amount`` tells how much was
    done [default: the share, or the speed of what has no known end]."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        amount or TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
        transient=True,
        console=console,
        disable=not console.is_terminal,
    )
