"""The trusted past of an account and the sliding windows: what an event is compared with. Pure, no clock."""
