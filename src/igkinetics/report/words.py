"""Names of the model in words that a reader without the model understands."""

from __future__ import annotations

from typing import Final

PARAMETER_WORDS: Final = {
    "CL": "clearance",
    "V1": "volume of plasma and what exchanges with it at once",
    "Q": "exchange between the compartments",
    "V2": "volume of the second compartment",
    "ka": "absorption from under the skin",
    "F": "share of a subcutaneous dose that reaches the blood",
    "C_base": "steady IgG before therapy",
    "C_init": "IgG at the start of the record",
    "S": "share of production that depends on B cells",
    "k_loss": "rate at which that share is lost on therapy",
    "k_rec": "rate at which it recovers off therapy",
    "clearance_ratio": "clearance under IVIG, relative",
    "production_ratio": "production under IVIG, relative",
    "half_life": "half-life from clearance and whole volume",
    "terminal_half_life": "half-life of the slow phase",
}
STEADY: Final = "Endogenous IgG is produced at a constant rate until therapy starts;"
PRODUCTION_WORDS: Final = {
    "constant": "Endogenous IgG is produced at a constant rate, whatever the therapy.",
    "step_loss": f"{STEADY} from then on a share S of it is gone.",
    "gradual_loss": f"{STEADY} a share S of it depends on B cells and falls while therapy lasts, without recovery.",
    "loss_and_recovery": f"{STEADY} a share S of it depends on B cells, falls while therapy lasts and recovers "
    "afterwards.",
}
RESIDUAL_WORDS: Final = {
    "normal": "A measurement scatters around the curve with an additive and a proportional error.",
    "lognormal": "A measurement scatters around the curve by a factor (log-normal error).",
    "student_t": "A measurement scatters around the curve with heavy tails (Student's t), so that single outliers "
    "weigh less.",
}
