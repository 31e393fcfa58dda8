"""`models new`: a card to be filled in, every line explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from igkinetics.cards.private import id_of
from igkinetics.errors import call_error

ENDOGENOUS: Final = {
    "turnover": "IgG is produced; B-cell-depleting therapy takes production away, and it recovers",
    "constant": "a constant level of the patient's own IgG under the infused one; therapy has no effect",
    "none": "infused IgG only",
}
EXAMPLE: Final = "EXAMPLE VALUE"
HEAD: Final = """# A model of your own: values, units, omegas (spread between patients), residual error.
# Every number below is an EXAMPLE VALUE: put your own.
# Units: flows L/day (also L/h, mL/day, ...), volumes L, levels g/L or mg/dL, rates 1/day.
# Of each parameter:
#   value, unit     typical value at the reference covariates
#   omega           SD between patients on the log scale (S and F: on the logit scale); or cv_percent, or variance
#   uncertainty     SD of the typical value on that scale, if you know it (a number); left out: taken as known
#   fixed = true    not estimated, the same in every patient
# A card outside the package is private: it says "private, unchecked" wherever it is used.
# Try it:  igkinetics models show FILE;  igkinetics models typical FILE --weight 70
#          igkinetics fit COHORT --card FILE --out DIR
"""


def new_card_text(
    card_id: str, *, compartments: int = 2, endogenous: str = "turnover", subcutaneous: bool = False
) -> str:
    """A sound card with example values. InputError for choices that there are not."""
    if compartments not in (1, 2):
        raise call_error("compartments", compartments, "must be 1 or 2")
    if endogenous not in ENDOGENOUS:
        raise call_error("endogenous", endogenous, f"must be {', '.join(ENDOGENOUS)}")
    return "\n".join([HEAD, *lines(card_id, compartments, endogenous, subcutaneous)]) + "\n"


def lines(card_id: str, compartments: int, endogenous: str, subcutaneous: bool) -> Iterator[str]:
    yield f'id = "{id_of(card_id)}"'
    yield 'title = "My model"'
    yield ""
    yield "[structure]"
    yield f"compartments = {compartments}"
    yield f'endogenous = "{endogenous}"   # {ENDOGENOUS[endogenous]}'
    yield f"routes = {['iv', 'sc'] if subcutaneous else ['iv']}".replace("'", '"')
    yield ""
    yield "[parameters]"
    yield f'CL = {{ value = 0.155, unit = "L/day", omega = 0.35 }}     # clearance. {EXAMPLE}'
    if compartments == 2:
        yield f'V1 = {{ value = 3.2, unit = "L", omega = 0.25 }}           # volume of serum. {EXAMPLE}'
        yield f'Q = {{ value = 0.55, unit = "L/day", fixed = true }}       # exchange with tissue. {EXAMPLE}'
        yield f'V2 = {{ value = 2.0, unit = "L", fixed = true }}           # volume of tissue. {EXAMPLE}'
    else:
        yield f'V = {{ value = 5.0, unit = "L", omega = 0.25 }}            # volume of distribution. {EXAMPLE}'
    if endogenous != "none":
        yield f'C_base = {{ value = 6.0, unit = "g/L", omega = 0.38 }}     # own IgG before therapy. {EXAMPLE}'
        yield f"C_init_ratio = {{ value = 1.0, omega = 0.15 }}           # first level over C_base. {EXAMPLE}"
    if endogenous == "turnover":
        yield f"S = {{ value = 0.55, omega = 0.5 }}                      # share of production lost. {EXAMPLE}"
        yield "# Without k_rec production does not recover; without both the share is lost at once. k_rec needs k_loss."
        yield f'k_loss = {{ given_as = "half_life", value = 8, unit = "day", omega = 0.4 }}   # {EXAMPLE}'
        yield f'k_rec = {{ given_as = "half_life", value = 90, unit = "day", omega = 0.5 }}   # {EXAMPLE}'
    if subcutaneous:
        yield f'ka = {{ value = 0.4, unit = "1/day", omega = 0.5 }}        # absorption. {EXAMPLE}'
        yield f"F = {{ value = 0.69, fixed = true }}                     # bioavailability. {EXAMPLE}"
    yield ""
    yield "[residual_error]   # y ~ Normal(C, a^2 + (b C)^2); one of the two may be left out"
    yield f'additive = {{ value = 0.2, unit = "g/L" }}                 # a, an SD. {EXAMPLE}'
    yield f"proportional = 0.09                                      # b, an SD as a fraction. {EXAMPLE}"
    yield ""
    volumes = ["CL", "Q", "V1", "V2"] if compartments == 2 else ["CL", "V"]
    named = ", ".join(f'"{name}"' for name in volumes)
    yield "# Effects of covariates, one table each; delete what you do not want. Where a covariate is not known, its"
    yield "# effect is left out, and each fit says so."
    yield "[[covariate_effects]]   # parameter * (weight_kg / 70)^0.75"
    yield 'covariate = "weight_kg"'
    yield f"parameters = [{named}]"
    yield "reference = 70"
    yield f"exponent = 0.75   # {EXAMPLE}"
    yield "# [[covariate_effects]]   # parameter * exp(-0.01 * (age_y - 50))"
    yield '# covariate = "age_y"'
    yield '# parameters = ["CL"]'
    yield "# reference = 50"
    yield "# coefficient = -0.01"
    yield "# [[covariate_effects]]   # parameter * the factor of the patient's level"
    yield '# covariate = "sex"'
    yield '# parameters = ["CL"]'
    yield "# factors = { female = 1.0, male = 1.1 }"


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet. InputError when it is, or cannot be written."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise call_error("out", path, "exists already; choose another: a file is never written over") from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise call_error("out", path, f"cannot be written: {reason}") from error
