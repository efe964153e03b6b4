"""The network that learns is the one that is kept, with something beside it."""

from __future__ import annotations

import numpy as np
import torch

from image_search.extractors.design_network import MEANING, Design
from training.learning import loss_of_grids
from training.locating import cells_of
from training.student import Student, lasting


def test_it_sees_what_the_network_that_is_kept_sees() -> None:
    torch.manual_seed(1)
    student, kept = Student().eval(), Design()
    kept.load_state_dict(lasting(student.state_dict()))
    for side in (96, 112, 160):
        squares = torch.rand((3, 3, side, side))

        with torch.inference_mode():
            meaning, layout, grids = student.all_of(squares, torch.tensor([2, 0]))
            wanted = kept.eval().halves_of(squares)

        assert torch.equal(meaning, wanted[0])
        assert torch.equal(layout, wanted[1])
        assert grids.shape == (2, cells_of(side), cells_of(side), MEANING)


def test_what_lies_in_a_place_is_learnt_from_there() -> None:
    torch.manual_seed(2)
    student = Student().eval()
    squares = torch.rand((1, 3, 160, 160)).repeat(2, 1, 1, 1)
    squares[1, :, 128:, 128:] = 0

    with torch.inference_mode():
        one, other = student.all_of(squares, torch.tensor([0, 1]))[2]

    off = (one - other).norm(dim=-1)
    assert off[4, 4] == off.max()
    assert off[4, 4] > 2 * off[0, 0]


def test_it_goes_on_from_weights_without_places() -> None:
    torch.manual_seed(3)
    known, student = Design(), Student()

    student.begin(known.state_dict())

    assert all(
        torch.equal(lasting(student.state_dict())[n], v) for n, v in known.state_dict().items()
    )


def test_the_loss_of_grids_is_one_where_nothing_is_known_and_none_where_all_is() -> None:
    rng = np.random.default_rng(4)
    wanted = torch.from_numpy(rng.normal(size=(3, 5, 5, MEANING)))

    losses = [loss_of_grids(share * wanted, wanted).item() for share in (1.0, 0.5, 0.0)]

    np.testing.assert_allclose(losses, [0, 0.25, 1], atol=1e-9)
