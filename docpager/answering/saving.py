"""What a run saved by keeping its prompts within a price band."""

from __future__ import annotations

from docpager.answering.run import Run
from docpager.models.messages import Usage

__all__ = ["saved_usd"]


def saved_usd(run: Run, *, whole_text_tokens: int) -> float | None:
    """Dollars that one prompt with the whole text would have cost more than this run did.

    The prompt compared with holds all text that the question is about, or as much of it as the
    model takes, at its price per input token in the band that a prompt of this length is in.
    `whole_text_tokens` is counted without a safety factor, and no reply is added: the saving is
    rather understated. Negative where paging cost more.

    None unless the model's price rises with the length of a prompt, the whole text would have been
    in a dearer band, and every prompt of the run stayed in the first.
    """
    price = run.price
    if price is None or run.cost_usd is None or len(price.bands) == 1:
        return None
    tokens = min(whole_text_tokens, price.largest_prompt or whole_text_tokens)
    largest_sent = run.context.statistics.peak_tokens
    if price.band(tokens) == price.bands[0] or price.band(largest_sent) != price.bands[0]:
        return None
    return price.cost(Usage(input_tokens=tokens)) - run.cost_usd
