"""The keys 1 to 9, one an arm."""

from __future__ import annotations


class ArmKeys:
    """A screen with this shows or hides its arms by their place, counted from 1."""

    def show_or_hide_arm(self, key: int) -> None:
        raise NotImplementedError

    def action_arm_1(self) -> None:
        self.show_or_hide_arm(1)

    def action_arm_2(self) -> None:
        self.show_or_hide_arm(2)

    def action_arm_3(self) -> None:
        self.show_or_hide_arm(3)

    def action_arm_4(self) -> None:
        self.show_or_hide_arm(4)

    def action_arm_5(self) -> None:
        self.show_or_hide_arm(5)

    def action_arm_6(self) -> None:
        self.show_or_hide_arm(6)

    def action_arm_7(self) -> None:
        self.show_or_hide_arm(7)

    def action_arm_8(self) -> None:
        self.show_or_hide_arm(8)

    def action_arm_9(self) -> None:
        self.show_or_hide_arm(9)
