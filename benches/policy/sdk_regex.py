"""What the SDK's own regex loop takes for the same kind of text: microseconds for 1 KB."""
import sys
import timeit

from execlave import client

WORDS = "order invoice customer password reset delivery address refund status summary".split()
patterns = [value for value in vars(client).values() if isinstance(value, (list, tuple, dict))]
flat = []
for group in patterns:
    flat += [p for p in (group.values() if isinstance(group, dict) else group) if hasattr(p, "search")]
text = " ".join(WORDS[i % len(WORDS)] for i in range(400))[:1000]
if not flat:
    sys.exit("the SDK has no patterns of its own in this version")
rounds = 2000
best = min(timeit.repeat(lambda: [p.search(text) for p in flat], number=rounds, repeat=5)) / rounds
print(f"SDK regex loop: {len(flat)} patterns, 1 KB: {best * 1e6:.1f} µs, {1000 / best / 1e6:.1f} MB/s")
