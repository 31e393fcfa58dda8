"""A card's model as text for NONMEM, rxode2 (nlmixr2) and mrgsolve: the equations of docs/model.md 1 as they stand."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Final

from igkinetics.cards.covariates import CategoryEffect, CovariateEffect, PowerEffect
from igkinetics.cards.export.check_table import header
from igkinetics.cards.export.specification import ModelParameter, Specification, column_of, specification
from igkinetics.cards.model import Card
from igkinetics.errors import call_error

MOST_CHARACTERS: Final = 110


def exported_text(card: Card, language: str, *, disposition: str = "", agents: tuple[str, ...] = ()) -> str:
    """The model for one of LANGUAGES. InputError for an unknown language or a card that is no full model."""
    if language not in WRITERS:
        raise call_error("to", language, f"must be {', '.join(WRITERS)}")
    model = specification(card, disposition=disposition, agents=agents)
    sign, write = WRITERS[language]
    told = [part for line in header(model, agents) for part in wrapped_line(line)]
    comments = [f"{sign} {line}".rstrip() for line in told]
    return "\n".join(write(model, comments)) + "\n"


def wrapped_line(line: str) -> list[str]:
    """Lines that NM-TRAN takes; those that are read again stay whole."""
    return [line] if line.startswith(("card:", "model:", "check:")) else textwrap.wrap(line, MOST_CHARACTERS)


def number(value: float) -> str:
    return f"{value:.10g}"


def factor(effect: CovariateEffect, power: str) -> str:
    """What an effect multiplies by. power: how `a^b` is written, with {base} and {exponent}."""
    column = column_of(effect.covariate)
    if isinstance(effect, PowerEffect):
        ratio = f"({column}/{number(effect.reference)})"
        return power.format(base=ratio, exponent=number(effect.exponent))
    if isinstance(effect, CategoryEffect):
        return " + ".join(f"({column}=={code})*{number(value)}" for code, value in enumerate(effect.factors.values()))
    return f"exp({number(effect.coefficient)}*({column} - {number(effect.reference)}))"


def equations(model: Specification) -> dict[str, str]:
    """Right-hand sides; central, periph, supply, depot stand for amounts (supply: relative)."""
    endogenous = {"constant": "CL*CBASE", "step_loss": "CL*CBASE*(1 - SHARE*EVER)"}.get(
        model.production, "CL*CBASE*(1 - SHARE + SHARE*{supply})"
    )
    made = f"{endogenous} " if model.endogenous else ""
    loss = "- CL/V1*{central} - Q/V1*{central} + Q/V2*{periph}" if model.two else "- CL/V1*{central}"
    found = {"central": f"{made}{loss}" + (" + KA*{depot}" if model.subcutaneous else "")}
    if model.two:
        found["periph"] = "Q/V1*{central} - Q/V2*{periph}"
    if model.production == "turnover":
        recovery = " + KREC*(1 - {supply})*(1 - THER)" if "KREC" in model.names else ""
        found["supply"] = f"-KLOSS*{{supply}}*THER{recovery}"
    if model.subcutaneous:
        found["depot"] = "-KA*{depot}"
    return found


def starts(model: Specification) -> dict[str, str]:
    """Initial amounts, where they are not 0."""
    found = {}
    if model.endogenous:
        level = "CBASE*RINIT" if "RINIT" in model.names else "CBASE"
        found = {"central": f"{level}*V1"} | ({"periph": f"{level}*V2"} if model.two else {})
    if model.production == "turnover":
        found["supply"] = "1"
    return found


def derived(model: Specification) -> list[tuple[str, str]]:
    """CL where the card gives a rate of loss."""
    return [("CL", "KDEG*V1")] if "KDEG" in model.names else []


# NONMEM


def nonmem(model: Specification, comments: list[str]) -> Iterator[str]:
    yield from comments
    yield f"$PROBLEM {model.card.id}"
    extra = [*model.columns.values(), *therapy_columns(model)]
    yield " ".join(["$INPUT ID TIME AMT RATE DV EVID MDV CMT", *extra])
    yield "$DATA data.csv IGNORE=@"
    yield "$SUBROUTINES ADVAN13 TOL=9"
    names = {name: f"A({place})" for place, name in enumerate(equations(model), start=1)}
    yield "$MODEL " + " ".join(f"COMP=({name.upper()})" for name in names)
    yield "$PK"
    etas = {parameter.name: place for place, parameter in enumerate(model.varying, start=1)}
    for place, parameter in enumerate(model.parameters, start=1):
        yield from nonmem_parameter(place, parameter, etas.get(parameter.name))
    yield from (f"  {name} = {value}" for name, value in derived(model))
    yield from (f"  A_0({list(names).index(name) + 1}) = {value}" for name, value in starts(model).items())
    if model.subcutaneous:
        yield f"  F{list(names).index('depot') + 1} = FSC"
    yield "$DES"
    for place, right in enumerate(equations(model).values(), start=1):
        yield f"  DADT({place}) = {right.format(**names)}"
    yield "$ERROR"
    count = len(model.parameters)
    yield "  IPRED = A(1)/V1"
    yield f"  W = SQRT(THETA({count + 1})**2 + (THETA({count + 2})*IPRED)**2)"
    yield "  IF (W.EQ.0) W = 1E-9"
    yield "  Y = IPRED + W*EPS(1)"
    yield "$THETA"
    for parameter in model.parameters:
        value, fixed = number(parameter.value), " FIX" if parameter.fixed else ""
        bounds = f"{value} FIX" if fixed else f"(0, {value}, 1)" if parameter.scale == "logit" else f"(0, {value})"
        yield f"  {bounds} ; {parameter.name}: {parameter.words}"
    for words, sd in (("additive, g/L", model.additive), ("proportional", model.proportional)):
        yield (f"  (0, {number(sd)})" if sd else "  0 FIX") + f" ; SD of the residual error, {words}"
    yield "$OMEGA"
    for parameter in model.varying:
        yield f"  {number(parameter.omega**2)} ; {parameter.name}, {parameter.scale} scale"
    yield "$SIGMA 1 FIX"
    yield "$ESTIMATION METHOD=1 INTERACTION MAXEVAL=9999 SIGL=6 NSIG=2"


def nonmem_parameter(place: int, parameter: ModelParameter, eta: int | None) -> Iterator[str]:
    """Typical value with its effects, then the patient's."""
    name, typical = parameter.name, f"TV{parameter.name}"
    yield f"  {typical} = THETA({place})"
    for effect in parameter.effects:
        if isinstance(effect, CategoryEffect):
            column = column_of(effect.covariate)
            for code, value in enumerate(effect.factors.values()):
                yield f"  IF ({column}.EQ.{code}) {typical} = {typical}*{number(value)}"
        else:
            yield f"  {typical} = {typical}*{factor(effect, '{base}**({exponent})').replace('exp(', 'EXP(')}"
    if eta is None:
        yield f"  {name} = {typical}"
    elif parameter.scale == "logit":
        yield f"  L{name} = LOG({typical}/(1 - {typical})) + ETA({eta})"
        yield f"  {name} = 1/(1 + EXP(-L{name}))"
    else:
        yield f"  {name} = {typical}*EXP(ETA({eta}))"


def therapy_columns(model: Specification) -> list[str]:
    return {"constant": [], "step_loss": ["EVER"], "turnover": ["THER"]}[model.production]


# rxode2


def rxode2(model: Specification, comments: list[str]) -> Iterator[str]:
    yield from comments
    yield '# rxSolve(..., covsInterpolation = "nocb") reads the columns that change in time as NONMEM does.'
    yield f"{model.card.id} <- function() {{"
    yield "  ini({"
    for parameter in model.parameters:
        start = f"logit({number(parameter.value)})" if parameter.scale == "logit" else f"log({number(parameter.value)})"
        value = f"fix({start})" if parameter.fixed else start
        yield f"    t{parameter.name} <- {value} # {parameter.words}"
    for parameter in model.varying:
        yield f"    eta{parameter.name} ~ {number(parameter.omega**2)}"
    if model.additive:
        yield f"    add.sd <- {number(model.additive)} # g/L"
    if model.proportional:
        yield f"    prop.sd <- {number(model.proportional)}"
    yield "  })"
    yield "  model({"
    for parameter in model.parameters:
        yield f"    {parameter.name} <- {rxode2_parameter(parameter)}"
    yield from (f"    {name} <- {value}" for name, value in derived(model))
    names = {name: name for name in equations(model)}
    yield from (f"    {name}(0) <- {value}" for name, value in starts(model).items())
    for name, right in equations(model).items():
        yield f"    d/dt({name}) <- {right.format(**names)}"
    if model.subcutaneous:
        yield "    f(depot) <- FSC"
    yield "    IgG <- central/V1"
    terms = [word for word, value in (("add(add.sd)", model.additive), ("prop(prop.sd)", model.proportional)) if value]
    yield f"    IgG ~ {' + '.join([*terms, 'combined2()'] if len(terms) == 2 else terms)}"
    yield "  })"
    yield "}"


def rxode2_parameter(parameter: ModelParameter) -> str:
    """Covariates act on the natural scale, random effects on the parameter's own."""
    eta = f" + eta{parameter.name}" if parameter.omega > 0 else ""
    factors = "".join(f"*({factor(effect, '{base}^({exponent})')})" for effect in parameter.effects)
    if parameter.scale == "logit":
        typical = f"expit(t{parameter.name}){factors}"
        return f"expit(logit({typical}){eta})" if eta and factors else f"expit(t{parameter.name}{eta}){factors}"
    return f"exp(t{parameter.name}{eta}){factors}"


# mrgsolve


def mrgsolve(model: Specification, comments: list[str]) -> Iterator[str]:
    yield "$PROB"
    yield from comments
    yield "$PARAM"
    yield from (f"TV{parameter.name} = {number(parameter.value)}" for parameter in model.parameters)
    yield f"ADDSD = {number(model.additive)}"
    yield f"PROPSD = {number(model.proportional)}"
    covariates = [f"{column} = {covariate_default(model, name)}" for name, column in model.columns.items()]
    covariates += [f"{name} = 0" for name in therapy_columns(model)]
    if covariates:
        yield "$PARAM @covariates"
        yield from covariates
    names = {name: name.upper() for name in equations(model)}
    yield "$CMT " + " ".join(names.values())
    if model.varying:
        yield "$OMEGA"
        yield "@labels " + " ".join(f"ETA_{parameter.name}" for parameter in model.varying)
        yield " ".join(number(parameter.omega**2) for parameter in model.varying)
    yield "$SIGMA 1"
    yield "$MAIN"
    for parameter in model.parameters:
        yield f"double {parameter.name} = {mrgsolve_parameter(parameter)};"
    yield from (f"double {name} = {value};" for name, value in derived(model))
    yield from (f"{names[name]}_0 = {value};" for name, value in starts(model).items())
    if model.subcutaneous:
        yield "F_DEPOT = FSC;"
    yield "$ODE"
    for name, right in equations(model).items():
        yield f"dxdt_{names[name]} = {right.format(**names)};"
    yield "$TABLE"
    yield "double IPRED = CENTRAL/V1;"
    yield "double DV = IPRED + sqrt(ADDSD*ADDSD + PROPSD*PROPSD*IPRED*IPRED)*EPS(1);"
    yield "$CAPTURE IPRED DV"


def mrgsolve_parameter(parameter: ModelParameter) -> str:
    factors = "".join(f"*({factor(effect, 'pow({base}, {exponent})')})" for effect in parameter.effects)
    typical = f"TV{parameter.name}{factors}"
    if parameter.omega == 0:
        return typical
    if parameter.scale == "logit":
        return f"1/(1 + exp(-(log({typical}/(1 - {typical})) + ETA_{parameter.name})))"
    return f"{typical}*exp(ETA_{parameter.name})"


def covariate_default(model: Specification, name: str) -> str:
    covariate = model.card.covariates[name]
    if covariate.levels:
        return str(covariate.levels.index(str(covariate.when_missing)))
    return number(float(covariate.when_missing))


Writer = Callable[[Specification, list[str]], Iterator[str]]
WRITERS: Final[dict[str, tuple[str, Writer]]] = {
    "nonmem": (";", nonmem),
    "rxode2": ("#", rxode2),
    "mrgsolve": ("-", mrgsolve),
}
"""Language -> sign of a comment (mrgsolve: a line of $PROB), and what writes the text."""
