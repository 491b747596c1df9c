"""Pure: the calls of one run of OpenHands, each at its own cost where that is stated.

As many costs as responses are one each, in their order. Otherwise the run is one record, because
which call cost what is not stated. Totals alone are one record, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tachograph_cli.replay.transcripts.others import openhands_run as runs
from tachograph_cli.replay.transcripts.others.steps import Stated, stated
from tachograph_cli.replay.transcripts.values import Record, optional_name
from tachograph_schema.parsing import shown
from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.price import nanousd
from tachograph_schema.usage import BUCKETS, Usage

if TYPE_CHECKING:
    from datetime import datetime

_GATEWAYS = ("litellm_proxy/", "openhands/")
"""LiteLLM's names of what passes calls on to whoever serves the model."""
_ROUNDING_USD = 1e-6


@dataclass(frozen=True, slots=True)
class RunCall:
    """A call, or several that are one record, under an id that is the same in a copy of the run."""

    id: str
    call: Call
    window: int | None = None


class RunCalls:
    """Finds the calls of one run; `doubts` is what could not be read."""

    def __init__(self, run: Record, session: str, began_at: datetime) -> None:
        self._run, self._session, self._began_at = run, session, began_at
        self.doubts: list[str] = []

    def calls(self) -> list[RunCall]:
        """Return the calls in the order in which they are listed."""
        listed, costs, total = self._listed(), runs.costs(self._run), runs.total_cost(self._run)
        refused = runs.refused_cost(self._run)
        if refused is not None:
            words = f"accumulated_cost is {shown(refused)}; expected dollars below a million"
            self.doubts.append(f"{words}; it is no price")
        if not listed:
            return self._without_responses(costs, total)
        listed += self._rest(listed)
        return listed if total is None else self._at_cost(listed, costs, total)

    def _listed(self) -> list[RunCall]:
        found, at = list[RunCall](), self._began_at
        for place, each in enumerate(runs.responses(self._run)):
            at = each.at or at
            one = self._stated(each, at, f"token_usages[{place}]")
            call = one.calls[0]
            if not call.usage.total_tokens:  # a model that answers has read something
                call = replace(call, readable=False)
            found.append(RunCall(each.id or f"{self._session}:{place}", call, each.window))
        return found

    def _stated(self, response: runs.Response, at: datetime, where: str) -> Stated:
        model = optional_name(response.model)
        route = next((name for name in _GATEWAYS if model and model.startswith(name)), None)
        model = model.removeprefix(route) if model and route else model
        body = {"model": model, "usage": response.usage}
        one = stated(body, at, where, route=route and route.rstrip("/"))
        self.doubts += [one.doubt] if one.doubt else []
        return one

    def _at_cost(self, listed: list[RunCall], costs: list[float], total: float) -> list[RunCall]:
        own = [each for each in listed if each.call.calls]
        if len(costs) == len(own) and not runs.only_in_history(self._run):
            if abs(total - sum(costs)) > _ROUNDING_USD:
                self.doubts.append(f"accumulated_cost is {total}; the costs add up to {sum(costs)}")
            return [
                *(
                    replace(each, call=replace(each.call, cost_nanousd=nanousd(cost)))
                    for each, cost in zip(own, costs, strict=True)
                ),
                *(each for each in listed if not each.call.calls),
            ]
        self.doubts.append(f"{len(costs)} costs of {len(own)} calls; they are one record")
        models = {each.call.model for each in own}
        whole = replace(
            own[-1].call,
            usage=sum((each.call.usage for each in listed), Usage()),
            model=models.pop() if len(models) == 1 else None,
            cost_nanousd=nanousd(total),
            calls=max(len(own), len(costs)),
        )
        return [RunCall(f"{self._session}:run", whole)]

    def _without_responses(self, costs: list[float], total: float | None) -> list[RunCall]:
        usage = runs.total_usage(self._run)
        body = {"model": None, "usage": {**(usage or {}), "cost": total}}
        call = stated(body, self._began_at, "accumulated_token_usage").calls[0]
        if costs and not call.usage.total_tokens:
            self.doubts.append("no response states its tokens; they are unknown, not none")
            each = Call(Usage(), None, None, self._began_at)
            return [
                RunCall(f"{self._session}:{n}", replace(each, cost_nanousd=nanousd(cost)))
                for n, cost in enumerate(costs)
            ]
        if not call.usage.total_tokens and not total:
            return []
        self.doubts.append("the run states totals alone; they are one record")
        number = max(len(costs), len(runs.failures(self._run)), 1)
        call = replace(call, calls=number, readable=total is not None)
        return [RunCall(f"{self._session}:run", call)]

    def _rest(self, listed: list[RunCall]) -> list[RunCall]:
        """Return what the running total holds beyond the calls that are listed, without a price."""
        total = runs.total_usage(self._run)
        if total is None:
            return []
        body = {"model": None, "usage": total}
        whole = stated(body, self._began_at, "accumulated_token_usage").usage
        more = whole - sum((each.call.usage for each in listed), Usage())
        rest = Usage(*(max(0, getattr(more, name)) for name in BUCKETS))
        if not rest.total_tokens:
            return []
        words = f"the running total holds {rest.total_tokens} tokens more than the calls"
        self.doubts.append(f"{words}; they have no price")
        at = listed[-1].call.priced_at
        call = Call(rest, None, None, at, calls=0, readable=False)
        return [RunCall(f"{self._session}:rest", call)]
