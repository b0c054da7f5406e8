"""``model.generate`` of transformers with drafts: the same arguments, the same result, fewer forward passes.

    from tokengrove.integrations.transformers import generate
    from tokengrove.speculative import TokenRecycling

    drafter = TokenRecycling(model.config.vocab_size)
    output = generate(model, **tokenizer(prompt, return_tensors="pt"), drafter=drafter, max_new_tokens=256)

Or, for code that calls ``model.generate`` itself: ``model.generate(..., custom_generate=speculate(drafter))``. That way
transformers 5 passes neither ``streamer`` nor ``stop_strings`` on to the callable; :func:`generate` works round it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteriaList, StopStringCriteria
from transformers.generation.stopping_criteria import EosTokenCriteria, MaxLengthCriteria
from transformers.generation.utils import GenerateDecoderOnlyOutput

from tokengrove.errors import InvalidArgumentError
from tokengrove.forward import adapt
from tokengrove.speculative import Drafter, GenerationStats
from tokengrove.speculative.choosing import Chooser
from tokengrove.speculative.loop import decode
from tokengrove.speculative.stopping import Ending

__all__ = ["Text", "generate", "load", "speculate"]

# Arguments that ask for another kind of decoding, or for what a tree of drafts does not give row by row.
_NOT_SPECULATED: dict[str, Callable[[Any], bool]] = {
    "num_beams": lambda value: value != 1,
    "num_beam_groups": lambda value: value not in (None, 1),
    "penalty_alpha": bool,
    "dola_layers": bool,
    "constraints": bool,
    "force_words_ids": bool,
    "guidance_scale": lambda value: value not in (None, 1),
    "assistant_model": lambda value: value is not None,
    "prompt_lookup_num_tokens": bool,
    "use_mtp": bool,
    "custom_generate": lambda value: value is not None,
    "output_scores": bool,
    "output_logits": bool,
    "output_attentions": bool,
    "output_hidden_states": bool,
    "past_key_values": lambda value: value is not None,
    "inputs_embeds": lambda value: value is not None,
}


def generate(
    model: Any,
    inputs: torch.Tensor | None = None,
    *,
    drafter: Drafter,
    budget: int | None = None,
    adaptive: bool = True,
    stats_callback: Callable[[GenerationStats], object] | None = None,
    **kwargs: Any,
) -> Any:
    """Does what ``model.generate`` does, with drafts.

    Torch's global generator of random numbers is used as ``model.generate`` uses it: with one sequence, the same seed
    samples the same tokens.

    Args:
        model: A causal language model.
        inputs: See ``model.generate``.
        drafter: Makes the drafts; its vocabulary is that of the model's logits.
        budget: The most drafted nodes; the drafter's own if left out.
        adaptive: Whether drafting is reduced while it loses time, see :func:`tokengrove.speculative.generate`.
        stats_callback: Called once with the statistics; not called for what is passed on.
        **kwargs: Everything that ``model.generate`` takes. Beam search and other modes that are not speculated, and
            requests for scores, hidden states or attentions, go to ``model.generate`` unchanged.

    Returns:
        What ``model.generate`` returns: int64[batch, length], or with ``return_dict_in_generate`` an output object
        whose ``past_key_values`` is None.

    Raises:
        InvalidArgumentError: As :func:`tokengrove.speculative.generate`.
        ValueError: As ``model.generate``.
    """
    config = kwargs.get("generation_config") or model.generation_config

    def asked(name: str) -> Any:
        return kwargs[name] if name in kwargs else getattr(config, name, None)

    if any(asked(name) is not None and differs(asked(name)) for name, differs in _NOT_SPECULATED.items()):
        return model.generate(inputs, **kwargs)
    streamer = kwargs.get("streamer")
    if (strings := kwargs.pop("stop_strings", None) or getattr(config, "stop_strings", None)) is not None:
        tokenizer = kwargs.pop("tokenizer", None)
        if tokenizer is None:
            raise ValueError("stop_strings need the model's tokenizer: pass tokenizer=")
        criteria = StoppingCriteriaList(kwargs.pop("stopping_criteria", None) or [])
        criteria.append(StopStringCriteria(tokenizer=tokenizer, stop_strings=strings))
        kwargs["stopping_criteria"] = criteria
    loop = speculate(drafter, budget=budget, adaptive=adaptive, stats_callback=stats_callback, streamer=streamer)
    return model.generate(inputs, custom_generate=loop, **kwargs)


def speculate(
    drafter: Drafter,
    *,
    budget: int | None = None,
    adaptive: bool = True,
    stats_callback: Callable[[GenerationStats], object] | None = None,
    streamer: Any = None,
) -> Callable[..., Any]:
    """Makes a callable for ``model.generate(custom_generate=...)``.

    Args:
        drafter: See :func:`generate`; so are the next three.
        budget: See there.
        adaptive: See there.
        stats_callback: See there.
        streamer: The streamer that is given to ``model.generate``, too, which gives it the prompt and nothing else.

    Returns:
        The callable.
    """

    def loop(
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        **model_kwargs: Any,
    ) -> Any:
        prompts = input_ids.tolist()
        mask = model_kwargs.get("attention_mask")
        pads = [0] * len(prompts) if mask is None else (mask.shape[1] - mask.sum(-1)).tolist()
        device = input_ids.device
        longest, stops, others = _read_criteria(stopping_criteria, generation_config.max_length)
        room = max(0, longest - input_ids.shape[1])
        if mask is not None and bool((mask.diff(dim=-1) < 0).any()):
            raise InvalidArgumentError("prompts must be padded on the left: attention_mask has a 0 after a 1")

        def ends(tokens: list[int]) -> bool:
            return bool(others(torch.tensor([tokens], device=device), None).all())

        criterion = ends if len(others) else None
        endings = [
            Ending(row[pad:], max_new_tokens=room, stop_ids=stops, criterion=criterion, before=row[:pad])
            for row, pad in zip(prompts, pads, strict=True)
        ]
        chooser = Chooser(logits_processor, do_sample=bool(generation_config.do_sample), rows=len(prompts))
        tail = None if streamer is None else _Tail(streamer)
        stats = decode(adapt(model), endings, chooser, drafter=drafter, budget=budget, adaptive=adaptive, streamer=tail)
        if stats_callback is not None:
            stats_callback(stats)
        longest = max(len(ending.new) for ending in endings)
        pad = getattr(generation_config, "_pad_token_tensor", None)
        fill = 0 if pad is None else int(pad)
        new = [ending.new + [fill] * (longest - len(ending.new)) for ending in endings]
        sequences = torch.cat([input_ids, torch.tensor(new, dtype=input_ids.dtype, device=device)], dim=-1)
        if generation_config.return_dict_in_generate:
            output: Any = GenerateDecoderOnlyOutput
            return output(sequences=sequences)
        return sequences

    return loop


def _read_criteria(criteria: Any, longest: int) -> tuple[int, frozenset[int], StoppingCriteriaList]:
    """Takes lengths and end tokens, which most calls have alone and which need no tensors, from the criteria.

    Args:
        criteria: Those of a call.
        longest: The most tokens of a sequence, prompt and padding included.

    Returns:
        The most tokens, the end tokens, and the other criteria.
    """
    stops: set[int] = set()
    others = StoppingCriteriaList()
    for criterion in criteria:
        if type(criterion) is MaxLengthCriteria:
            longest = min(longest, criterion.max_length)
        elif type(criterion) is EosTokenCriteria:
            stops.update(criterion.eos_token_id.reshape(-1).tolist())
        else:
            others.append(criterion)
    return longest, frozenset(stops), others


class _Tail:
    """A streamer without its first call: the prompt, which ``model.generate`` has given it already."""

    def __init__(self, streamer: Any) -> None:
        self._streamer = streamer
        self._first = True

    def put(self, value: torch.Tensor) -> None:
        if not self._first:
            self._streamer.put(value)
        self._first = False

    def end(self) -> None:
        self._streamer.end()


def load(name: str, *, device: str = "cpu", downloads: bool = False) -> tuple[Any, Any]:
    """Loads a causal language model and its tokenizer.

    Args:
        name: A folder, or a name that transformers knows.
        device: Where the model runs.
        downloads: Whether files that are not there may be downloaded.

    Returns:
        The model in evaluation mode, and the tokenizer. On the CPU the weights are float32, which has kernels for
        everything; elsewhere they have the data type of their files.

    Raises:
        OSError: If it is not there.
    """
    options: dict[str, Any] = {"local_files_only": not downloads}
    model: Any = AutoModelForCausalLM
    tokenizer: Any = AutoTokenizer
    loaded = model.from_pretrained(name, dtype=torch.float32 if device == "cpu" else "auto", **options)
    return loaded.to(device).eval(), tokenizer.from_pretrained(name, **options)


class Text:
    """A streamer that makes text of tokens, whole characters at a time.

    Args:
        tokenizer: Makes text of all new tokens; the difference to the text before is what is new.
        write: Called with each new piece of text; None keeps it only.
    """

    def __init__(self, tokenizer: Any, write: Callable[[str], object] | None = None) -> None:
        self.text = ""
        self._tokenizer = tokenizer
        self._write = write
        self._prompt: list[int] | None = None
        self._before = ""
        self._tokens: list[int] = []

    def put(self, value: torch.Tensor) -> None:
        """Takes the prompt, then new tokens."""
        tokens: list[int] = value.reshape(-1).tolist()
        if self._prompt is None:
            # The last tokens of the prompt stay in front: what a token reads may depend on the one before it.
            self._prompt = tokens[-4:]
            self._before = self._decode([])
            return
        self._tokens += tokens
        whole = self._decode(self._tokens)[len(self._before) :]
        # A character that is not complete yet decodes to the replacement character.
        if not whole.endswith("\ufffd"):
            self._extend(whole)

    def end(self) -> None:
        """Writes what was held back."""
        self._extend(self._decode(self._tokens)[len(self._before) :])

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode([*(self._prompt or []), *tokens], skip_special_tokens=True)
        return text

    def _extend(self, whole: str) -> None:
        new, self.text = whole[len(self.text) :], whole
        if self._write is not None and new:
            self._write(new)
