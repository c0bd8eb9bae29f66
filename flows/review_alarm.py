"""Review alarm flow: what an automation starts when people are late with answers.

Inputs: what is late, as the event of a refresh says it. Outputs: a flow run that is named Overdue, with the sentences
in its log and on its page. It changes nothing and fails nothing: whoever is to be woken is named in a notification on
the runs of this flow.
"""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.orchestration.prefect_artifacts import publish_table, tag_run

OVERDUE = "Overdue"
REVIEW_TAG = "review"


@flow(name="review", flow_run_name="review-{catalogue}", persist_result=False)
def review_alarm(catalogue: str, message: str) -> State[None]:
    """Say that people are late with answers about a catalogue's images."""
    get_run_logger().warning("%s: %s", catalogue, message)
    tag_run(REVIEW_TAG)
    publish_table("people", [{"late": sentence} for sentence in message.splitlines()], "What waits for people")
    return Completed(name=OVERDUE, message=message)
