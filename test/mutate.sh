#!/bin/bash
# mutate.sh [OP...]: would the tests find a wrong gradient?
#
# Backward rules are made wrong in one place after the other (test/unit/mutate.c), and the
# unit programs that check gradients must fail each time.  Prints the mutations that none of
# them finds, and fails if there is one that isn't listed below.  Takes a quarter of an hour.
#
#	MUTATE_OUT=/tmp/aiaas-mutate	where the programs are built
set -eu

cd "$(dirname "$0")/.."
out=${MUTATE_OUT:-/tmp/aiaas-mutate}
programs=$(cd test/unit && ls test_op_*.c test_graph_random.c | sed 's/\.c$//')
jobs=$(nproc)

# What is no mistake: cells without a second state have no gradient of one.
equivalent='^(gru|rnn) 0 out 6$'

# shellcheck disable=SC2086
${MAKE:-make} --no-print-directory -s -j"$jobs" -C test/unit OUT="$out" MUTATE=1 $(printf "$out/%s " $programs)
for program in $programs; do
	rm -f "$out/$program.mutants"
	ML_MUTANTS="$out/$program.mutants" "$out/$program" >"$out/$program.log" || {
		echo "$program fails as it is"
		exit 1
	}
	[ -f "$out/$program.mutants" ] || touch "$out/$program.mutants"
done

# The programs that meet a mutation, those of ops first: one of them must fail.
find_it() {
	local mutant=$1 program

	for program in $programs; do
		grep -qxF -- "$mutant" "$out/$program.mutants" || continue
		ML_MUTANT="$mutant" timeout 120 "$out/$program" >/dev/null 2>&1 || return 0
	done
	echo "$mutant"
}
export -f find_it
export out programs

sort -u "$out"/*.mutants | { [ $# -eq 0 ] && cat || grep -E "^($(IFS='|'; echo "$*")) "; } >"$out/all" || true
xargs -P "$jobs" -d '\n' -I{} bash -c 'find_it "$1"' _ {} <"$out/all" | sort >"$out/missed"
grep -Ev "$equivalent" "$out/missed" >"$out/wrong" || true
sed 's/^/not found: /' "$out/wrong"
echo "$(wc -l <"$out/all") mutations, $(wc -l <"$out/wrong") not found," \
	"$(($(wc -l <"$out/missed") - $(wc -l <"$out/wrong"))) that are no mistakes"
[ ! -s "$out/wrong" ]
