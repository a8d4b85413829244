#!/bin/sh
# A simulator in shell and awk: growth by a rate from a start, seen at 3 times. configs/growth.yaml runs it. Arrays come and go as .npy: od reads the
# last bytes as numbers, awk writes float32 byte by byte.
LC_ALL=C
export LC_ALL
while read -r _ rows _ seed _ bytes; do
  echo "bytes $((128 + rows * 3 * 4))"
  printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($rows, 3), }"
  head -c "$bytes" | tail -c $((rows * 2 * 4)) | od -An -v -tf4 -w8 | awk -v seed="$seed" '
    function put(x,   s, e, m) { # four bytes, the least first
      if (x == 0) x = 1e-30
      s = x < 0; x = s ? -x : x
      e = int(log(x) / log(2))
      while (2 ^ e > x) e--
      while (2 ^ (e + 1) <= x) e++
      m = int((x / 2 ^ e - 1) * 8388608)
      printf "%c%c%c%c", m % 256, int(m / 256) % 256, int(m / 65536) + (e + 127) % 2 * 128, s * 128 + int((e + 127) / 2)
    }
    function normal() { return sqrt(-2 * log(1 - rand())) * cos(6.283185307179586 * rand()) }
    BEGIN { srand(seed % 2147483647) }
    { for (t = 1; t <= 3; t++) put($1 * exp($2 * t) + 0.1 * normal()) }'
done
