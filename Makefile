# aiaas: see README.md.  On a bare Debian, "make demo" and "make test" do all the set-up.

EXTENSION = aiaas
MODULE_big = aiaas
DATA = sql/aiaas--1.0--1.1.sql sql/aiaas--1.1--1.2.sql
DATA_built = build/aiaas--1.0.sql
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/ml/*/*.c) $(wildcard src/pg/*.c)))

DIALECT = -std=gnu11 -ffp-contract=off -fvisibility=hidden
WARNINGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement \
	$(if $(findstring clang,$(CC)),-Wno-unknown-warning-option -Wno-ignored-optimization-argument \
	-Wno-ignored-attributes)
PG_CPPFLAGS = -Isrc/ml -Isrc/pg
PG_CFLAGS = $(DIALECT) $(WARNINGS) -MMD -MP
SHLIB_LINK = -licuuc -ljpeg -lpng -lm

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=. --load-extension=aiaas
EXTRA_CLEAN = build $(OBJS:.o=.d)

PG_CONFIG ?= pg_config
export PG_CONFIG
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)

# The engine does not know PostgreSQL: it is compiled without the server's headers.
src/ml/%: override CPPFLAGS := -Isrc/ml -D_GNU_SOURCE -D_FORTIFY_SOURCE=2

# Plain C that the compiler vectorises.
src/ml/kernel/map_%.o src/ml/kernel/sequence_%.o src/ml/kernel/window_%.o: override CFLAGS += -O3 -fno-math-errno -fno-trapping-math

# PGXS gives its bitcode neither PG_CFLAGS nor header dependencies: these follow the objects'.
# No function is to be inlined into JIT-compiled queries: they cannot reach hidden symbols.
override BITCODE_CFLAGS += $(DIALECT) -fno-inline
$(OBJS): Makefile
$(OBJS:.o=.bc): %.bc: %.o
-include $(OBJS:.o=.d)

build/aiaas--%.sql: sql/aiaas--%.sql models/sentiment/install.pl $(wildcard models/sentiment/sentiment.*)
	@mkdir -p $(@D)
	perl models/sentiment/install.pl $< models/sentiment/sentiment.safetensors > $@.new
	mv $@.new $@
else ifeq ($(filter demo test bench layers format fuzz mutate,$(MAKECMDGOALS)),)
$(error PostgreSQL's server headers are missing: "test/setup.sh build" says or does what is needed)
endif

# What a target needs is installed first, so the build is a make of its own.
jobs = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
prepare = @test/setup.sh $@ && $(MAKE) --no-print-directory -s $(jobs) all

.PHONY: demo test bench layers format fuzz mutate
demo test bench:
	$(prepare) && test/install.sh
	@$@/run.sh
layers:
	$(prepare)
	@perl test/layers.pl .
fuzz:
	@test/setup.sh $@
	@test/fuzz/run.sh
mutate:
	@test/setup.sh build
	@test/mutate.sh
format:
	@test/setup.sh $@
	@perl test/format.pl
