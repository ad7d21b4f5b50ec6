# ferry's build. `make help` lists the targets.

PREFIX      ?= /usr/local
DESTDIR     ?=
SANITIZE    ?=
WERROR      ?=

VERSION     := 0.1.0
FOLDERS     := lib spec namespaces cgroups overlay netns checkpoint runtime
BUILD       := build$(if $(SANITIZE),-sanitize)$(if $(filter clang%,$(CC)),-clang)

SOURCES     := $(foreach d,$(FOLDERS),$(wildcard $(d)/*.c $(d)/*/*.c))
MAIN        := runtime/main.c
OBJECTS     := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY     := $(filter-out $(MAIN:%.c=$(BUILD)/%.o),$(OBJECTS))

# Linked static: what every container start needs. The C library alone stays dynamic; libsystemd is opened at run time by
# the one file that speaks to systemd.
STATIC_LIBS := -Wl,-Bstatic -lseccomp -lcap -lyajl_s -Wl,-Bdynamic

CFLAGS      ?= -O2 -g
ALL_CFLAGS  := -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
               -Wno-missing-field-initializers -fno-strict-aliasing -fstack-protector-strong -fPIE -MMD -MP \
               -DFERRY_VERSION='"$(VERSION)"' -DFERRY_PREFIX='"$(PREFIX)"' \
               $(if $(WERROR),-Werror) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--hash-style=gnu -Wl,--gc-sections \
               $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

all: $(BUILD)/ferry

$(BUILD)/ferry: $(OBJECTS)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(STATIC_LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Unit tests: one program for each tests/unit/test_*.c, linked with everything but main().
UNIT        := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libferry.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/libferry.a $(STATIC_LIBS) -lcmocka

$(BUILD)/libferry.a: $(LIBRARY)
	@rm -f $@
	$(AR) rcs $@ $^

unit-programs: $(UNIT)

check-unit: $(UNIT)
	@set -e; for t in $(UNIT); do $$t; done

check-layers:
	tests/layers

clean:
	rm -rf build build-*

.PHONY: all unit-programs check-unit check-layers clean
-include $(OBJECTS:.o=.d) $(UNIT:=.d)
