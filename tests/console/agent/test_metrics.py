import httpx
from prometheus_client.parser import text_string_to_metric_families

from console.agent.metrics import MetricsServer

HEALTH = {
    "packets": 1000,
    "drops": {"ring": 3},
    "understood": 0.5,
    "protocols": {"modbus": {"messages": 7}},
    "spool": {"documents": 2, "dropped": {"behaviour.full": 4}},
    "uplink": {"state": "revoked"},
    "interfaces": [{"name": "eth1", "state": "down"}],
    "conditions": ["no-traffic"],
}


def test_prometheus_can_read_them_and_healthz_says_whether_the_loop_goes_round():
    alive = [True]
    server = MetricsServer("127.0.0.1:0", lambda: HEALTH, lambda: alive[0])
    server.start()
    url = f"http://127.0.0.1:{server.port}"
    try:
        families = text_string_to_metric_families(httpx.get(f"{url}/metrics", trust_env=False).text)
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }
        assert samples["fieldwatch_sensor_packets_total",] == 1000
        assert samples["fieldwatch_sensor_drops_total", "ring"] == 3
        assert samples["fieldwatch_sensor_messages_total", "modbus"] == 7
        assert samples["fieldwatch_sensor_spool_dropped_total", "behaviour.full"] == 4
        assert samples["fieldwatch_sensor_uplink", "revoked"] == 1
        assert samples["fieldwatch_sensor_uplink", "ok"] == 0
        assert samples["fieldwatch_sensor_interface_up", "eth1"] == 0
        answer = httpx.get(f"{url}/healthz", trust_env=False)
        assert (answer.status_code, answer.json()) == (200, {"capturing": True, "conditions": ["no-traffic"]})
        alive[0] = False
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 503
        assert httpx.get(f"{url}/etc/passwd", trust_env=False).status_code == 404
    finally:
        server.stop()
