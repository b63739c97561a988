# aiaas: see README.md.  "make demo" and "make test" are all that a visitor needs.

EXTENSION = aiaas
MODULE_big = aiaas
DATA = sql/aiaas--1.0.sql
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/ml/*/*.c) $(wildcard src/pg/*.c)))

PG_CPPFLAGS = -Isrc/ml -Isrc/pg
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement \
	-ffp-contract=off -fvisibility=hidden -MMD -MP
SHLIB_LINK = -licuuc -lm

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

-include $(OBJS:.o=.d)
