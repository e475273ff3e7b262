"""From a render to a gradient: score distillation by SDS, VSD and SSD as one family."""

from gs_stein.distill.distiller import Distiller as Distiller
from gs_stein.distill.distiller import Estimate as Estimate
from gs_stein.distill.options import SDS as SDS
from gs_stein.distill.options import SSD as SSD
from gs_stein.distill.options import VSD as VSD
from gs_stein.distill.options import Baseline as Baseline
from gs_stein.distill.options import CoefficientOptions as CoefficientOptions
from gs_stein.distill.options import DistillOptions as DistillOptions
from gs_stein.distill.options import FittedSDS as FittedSDS
from gs_stein.distill.options import Raw as Raw
