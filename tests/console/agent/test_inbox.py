from agent_documents import alert, asset, behaviour, health

from console.agent.inbox import Inbox


def test_documents_replace_their_earlier_selves_and_come_out_at_once():
    inbox = Inbox()
    inbox.put([alert("a", count=1), alert("a", count=2), asset("p"), health(1), health(2)], judged_ns=5)
    inbox.put([alert("a", level="critical", count=3)])
    taken = inbox.take(0).documents
    assert sorted(document.type for document in taken) == ["alert", "asset", "health", "health"]
    assert [item.body["event"]["count"] for item in taken if item.type == "alert"] == [3]
    assert inbox.judged_ns == 5
    assert inbox.take(0).documents == []


def test_beyond_the_bound_telemetry_goes_first_then_the_lowest_alerts_and_all_is_counted():
    inbox = Inbox(most=10)
    inbox.put([alert(f"low{number}", "low") for number in range(6)])
    inbox.put([alert(f"high{number}", "high") for number in range(3)])
    inbox.put([asset("p1"), behaviour("b1"), behaviour("b2")])
    assert inbox.size == 10
    inbox.put([alert(f"critical{number}", "critical") for number in range(4)])
    left = {document.id for document in inbox.take(0).documents}
    assert left == {
        "low3",
        "low4",
        "low5",
        *(f"high{n}" for n in range(3)),
        *(f"critical{n}" for n in range(4)),
    }
    losses = inbox.take_losses()
    assert losses == {("behaviour", "queue"): 2, ("asset", "queue"): 1, ("alert.low", "queue"): 3}
    assert inbox.take_losses() == {}


def test_what_only_grew_comes_along_until_it_is_told():
    inbox = Inbox()
    inbox.put([asset("p1")], 5, [alert("a", count=2), alert("b", count=2)])
    inbox.put([alert("b", count=3)], 6, [alert("a", count=4)])
    documents, grown, judged_ns = inbox.take(0)
    assert {document.id for document in documents} == {"p1", "b"}
    assert [(item.id, item.body["event"]["count"]) for item in grown] == [("a", 4)]
    assert judged_ns == 6
    assert inbox.take(0).grown == []
