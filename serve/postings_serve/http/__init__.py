"""What is HTTP's own: what every request gets, bodies and their limits, errors, clients that go away."""
