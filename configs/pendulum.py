# A simulator in Python: the swing of a pendulum seen at 10 times with noise. configs/pendulum.yaml runs it; `ebb describe simulator/command` explains.
import io, sys
import numpy as np

t = np.linspace(0.2, 2, 10)
for line in sys.stdin.buffer:                              # rows N seed S bytes B, then B bytes of .npy: the parameters
    rows, seed, size = (int(word) for word in line.split()[1::2])
    length, damping = np.load(io.BytesIO(sys.stdin.buffer.read(size))).T[:, :, None]
    x = np.exp(-damping * t) * np.cos(np.sqrt(9.81 / length) * t) + np.random.default_rng(seed).normal(0, 0.05, (rows, 10))
    reply = io.BytesIO()
    np.save(reply, x.astype("float32"))                    # bytes B, then B bytes of .npy: the data, one row a parameter vector
    sys.stdout.buffer.write(b"bytes %d\n" % reply.tell() + reply.getvalue())
    sys.stdout.buffer.flush()
