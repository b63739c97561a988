#!/bin/bash
# run.sh: runs every fuzz target under libFuzzer with sanitizers, one after the other.
#
#	FUZZ_SECONDS=60			for how long each
#	FUZZ="json words"		only these
#
# What it learns is kept in build/fuzz/corpus, for the next run; what breaks a target is
# written there too, and the run ends with the line that repeats it.
set -eu

cd "$(dirname "$0")/../.."
out=build/fuzz
seconds=${FUZZ_SECONDS:-60}
targets=${FUZZ:-$(cd test/fuzz && ls fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/')}

${MAKE:-make} --no-print-directory -s -j"$(nproc)" -C test/fuzz OUT="$PWD/$out"
for target in $targets; do
	corpus=$out/corpus/$target
	dictionary=test/fuzz/$target.dict
	mkdir -p "$corpus"
	echo "fuzzing $target for $seconds seconds"
	"$out/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="$out/$target-" \
		$([ ! -f "$dictionary" ] || echo "-dict=$dictionary") \
		"$corpus" "test/fuzz/corpus/$target" || {
		echo "repeat it with: $out/fuzz_$target $(ls -t "$out/$target-"* 2>/dev/null | head -1)"
		exit 1
	}
done
