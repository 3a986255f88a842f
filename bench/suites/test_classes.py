from jumpstarter_testing.pytest import JumpstarterTest


class TestOne(JumpstarterTest):
    def test_power(self, client):
        client.power.on()


class TestTwo(JumpstarterTest):
    def test_power(self, client):
        client.power.off()


class TestThree(JumpstarterTest):
    def test_power(self, client):
        client.power.on()


class TestFour(JumpstarterTest):
    def test_power(self, client):
        client.power.off()
