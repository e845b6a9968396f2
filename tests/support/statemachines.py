"""
Runs state machines of Hypothesis: the same steps each time, and without a time limit.
"""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

__all__ = ["check_machine"]


def check_machine(machine: type[RuleBasedStateMachine], max_examples: int) -> None:
    """
    Run a state machine, 20 steps in each example.
    """
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=True,
            max_examples=max_examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
