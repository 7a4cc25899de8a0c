"""Parameters that lie in pieces over several processes, as FSDP leaves them.

FSDP 2 and tensor parallelism keep each parameter as a DTensor; FSDP 1 lays many out in
one flat vector and cuts that. In both a process holds some entries of a parameter and
of all that is laid out like it: its gradient and its moments. So a maximum or a sum
over the entries here becomes that over all by one reduction.
"""

from collections import defaultdict
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn

# what wrapping puts into a parameter's name: DDP, torch.compile, FSDP, activation
# checkpointing, Lightning's Fabric
WRAPPERS = {
    *("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"),
    "_forward_module",
}
FLAT = "_flat_param"  # FSDP 1's, of a module's parameters


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What this process holds of a parameter."""

    parameter: torch.Tensor  # the one that an optimizer steps
    shape: tuple  # of all of it
    part: slice | None = None  # where it lies in a flat one
    holders: tuple = ()  # groups of processes over which it is cut
    device: torch.device | None = None  # where these add up

    @property
    def has_gradient(self) -> bool:
        parameter = self.parameter
        return parameter.grad is not None and self.here(parameter).numel() > 0

    def here(self, tensor) -> torch.Tensor:
        """The entries here of a tensor that is laid out as the parameter is."""
        if hasattr(tensor, "placements"):
            if tensor.placements != self.parameter.placements:  # not summed up yet
                tensor = tensor.redistribute(placements=self.parameter.placements)
            tensor = tensor.to_local()
        if tensor.layout != torch.strided:  # an embedding's sparse gradient
            tensor = tensor.to_dense()
        return tensor if self.part is None else tensor[self.part]


def bare(name: str) -> str:
    """A module's or parameter's name without what wrappers put into it."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def pieces(model: nn.Module) -> dict:
    """{name: Piece} of every parameter, first module to last, by its full name."""
    flat = defaultdict(list)
    for module in model.modules():
        for parameter, name, piece in _flattened(getattr(module, "_handle", None)):
            flat[id(parameter)].append((name, piece))
    found = {}
    for name, parameter in model.named_parameters():
        for inner, piece in flat.get(id(parameter)) or [("", _piece(parameter))]:
            found[name.replace(FLAT, inner)] = piece
    if not flat:
        return found
    # a flat one holds what lies before and what lies behind a module with its own
    order = {bare(name): i for i, (name, _) in enumerate(model.named_modules())}
    return dict(
        sorted(found.items(), key=lambda one: order[bare(one[0]).rpartition(".")[0]])
    )


def _piece(parameter) -> Piece:
    if not hasattr(parameter, "placements"):
        return Piece(parameter=parameter, shape=tuple(parameter.shape))
    mesh = parameter.device_mesh
    cut = [i for i, one in enumerate(parameter.placements) if not one.is_replicate()]
    return Piece(
        parameter=parameter,
        shape=tuple(parameter.shape),
        holders=tuple(mesh.get_group(i) for i in cut),
        device=torch.device(mesh.device_type),
    )


def _flattened(handle):
    """(registered parameter, name in it, Piece) of what FSDP 1 has flattened."""
    flat = getattr(handle, "flat_param", None)
    if flat is None:
        return
    holders = (handle.process_group,) if handle.uses_sharded_strategy else ()
    common = dict(holders=holders, device=handle.device)
    own = flat._params  # with use_orig_params, each a view of its part
    rows = zip(flat._fqns, flat._shapes, flat._shard_param_infos, strict=True)
    for i, (name, shape, info) in enumerate(rows):
        if own is not None:
            yield own[i], "", Piece(parameter=own[i], shape=tuple(shape), **common)
            continue
        start = info.offset_in_shard or 0
        part = slice(start, start + (info.numel_in_shard or 0))
        piece = Piece(parameter=flat, shape=tuple(shape), part=part, **common)
        yield flat, name, piece


def complete(among: list, table: torch.Tensor, norms: int, largest: int):
    """Numbers of the entries here to those of whole parameters: [k, n] of n pieces.

    The first rows are Euclidean norms, the last ones maxima, all between them sums; 0
    where nothing is here. Each process that holds some of a piece takes part.
    """
    table, together = table.clone(), defaultdict(list)
    for column, piece in enumerate(among):
        if piece.holders:
            together[piece.holders, piece.device].append(column)
    for (holders, device), columns in together.items():
        part = table[:, columns].to(device)
        added, most = part[:-largest], part[-largest:].clone()
        added[:norms].square_()
        for group in holders:
            dist.all_reduce(added, dist.ReduceOp.SUM, group)
            dist.all_reduce(most, dist.ReduceOp.MAX, group)
        added[:norms].sqrt_()
        table[:, columns] = torch.cat([added, most]).to(table)
    return table
