from jumpstarter_testing.pytest import JumpstarterTest


class TestPower(JumpstarterTest):
    def test_power(self, client):
        client.power.on()
