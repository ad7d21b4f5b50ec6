# ferry's build. `make help` lists the targets:
#
#: all                  build/ferry (the default); V=1 shows commands; SANITIZE=address,undefined WERROR=1 CC=clang
#: check                install what is missing, build, run every test
#: check-unit check-layers check-man check-integration check-vm    the parts of check
#: demo                 ferry's main job on this machine
#: bench bench-images   ferry beside crun, runc and a bare program; imports beside tar, podman, skopeo and umoci
#: bench-networks       networks beside netavark and CNI's plugins
#: bench-snapshots      snapshots with memory beside podman's checkpoints, in the test machine
#: bench-clones         clones beside full restores and cold starts
#: deps                 install the Debian packages that are missing
#: install uninstall    PREFIX=/usr/local DESTDIR=
#: coverage lint format compile_commands.json clean

comma       := ,
PREFIX      ?= /usr/local
DESTDIR     ?=
SANITIZE    ?=
WERROR      ?=

VERSION     := 0.1.0
FOLDERS     := lib spec namespaces cgroups overlay netns checkpoint runtime
BUILD       := build$(if $(SANITIZE),-sanitize)$(if $(filter clang%,$(CC)),-clang)

# Programs that ferry carries within itself (lib/program.h), since they need a shared library, or are a program of the
# container's: ferry-NAME is made of the sources PROGRAM_NAME and the objects that they need beside, and linked with
# LIBS_NAME, by default with -pie.
PROGRAMS        := systemd layer registry init
PROGRAM_systemd := cgroups/systemd/bus.c cgroups/systemd/bus_main.c
ALSO_systemd    := cgroups/systemd/request.c lib/arena.c lib/buf.c lib/err.c lib/fd.c lib/message.c
LIBS_systemd    := -lsystemd
PROGRAM_layer   := $(filter-out %/client.c %/member.c,$(wildcard overlay/layer/*.c))
ALSO_layer      := overlay/layer/member.c $(addprefix lib/,buf.c confine_calls.c err.c fd.c file.c message.c sha256.c \
                   sys.c)
LIBS_layer      := -Wl,-Bstatic -lseccomp -lnettle -Wl,-Bdynamic -larchive
PROGRAM_registry := $(addprefix overlay/registry/,confine.c registry_main.c session.c token.c transfer.c)
ALSO_registry   := $(addprefix overlay/registry/,challenge.c request.c url.c) $(addprefix lib/,arena.c buf.c confine.c \
                   err.c fd.c file.c json.c message.c)
LIBS_registry   := -Wl,-Bstatic -lyajl_s -Wl,-Bdynamic -lcurl
PROGRAM_init    := runtime/reaper/reaper.c
PIE_init        := -static
LIBS_init       := -fno-sanitize=all
PROGRAM         := $(foreach p,$(PROGRAMS),$(PROGRAM_$p))
EMBEDDED        := $(PROGRAMS:%=$(BUILD)/embedded-%.o)

SOURCES     := $(filter-out $(PROGRAM),$(foreach d,$(FOLDERS),$(wildcard $(d)/*.c $(d)/*/*.c)))
MAIN        := runtime/main.c
OBJECTS     := $(SOURCES:%.c=$(BUILD)/%.o) $(EMBEDDED)
MAN         := $(wildcard man/*.[1-8])
SHARE        = $(DESTDIR)$(PREFIX)/share
UNIT_FILES  := runtime/supervise/ferry-restart.service $(wildcard runtime/snapshot/ferry-snapshot.*)
UNIT_DIR    := $(DESTDIR)$(PREFIX)/lib/systemd/system
# Each shell's completion comes from the program itself; where below PREFIX/share the shell looks for it.
COMPLETIONS := bash:bash-completion/completions/ferry zsh:zsh/site-functions/_ferry \
               fish:fish/vendor_completions.d/ferry.fish
LIBRARY     := $(filter-out $(MAIN:%.c=$(BUILD)/%.o),$(OBJECTS))

# ferry is static: nothing is loaded at a container's start. Not with sanitizers, which are dynamic; unit tests neither,
# as cmocka is.
DYNAMIC     := -Wl,-Bdynamic
LIBS        := -Wl,-Bstatic -lseccomp -lyajl_s -lnettle -lsodium $(if $(SANITIZE),$(DYNAMIC))
PIE         := $(if $(SANITIZE),-pie,-static-pie)

CFLAGS      ?= -O2 -g
ALL_CFLAGS  := -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
               -Wno-missing-field-initializers -fno-strict-aliasing -fstack-protector-strong -fPIE -ffunction-sections \
               -fdata-sections -MMD -MP \
               -DFERRY_VERSION='"$(VERSION)"' -DFERRY_PREFIX='"$(PREFIX)"' \
               $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -Wno-format-truncation) \
               $(if $(WERROR),-Werror) $(CFLAGS)
ALL_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--hash-style=gnu -Wl,--gc-sections \
               $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

# A short line for each thing made; V=1 shows the whole commands.
short = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),$(if $(V),,@),@printf '%-5s %s\n' $1 $@; )

all: $(BUILD)/ferry

$(BUILD)/ferry: $(OBJECTS)
	$(call short,LINK)$(CC) $(PIE) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

.SECONDEXPANSION:
$(PROGRAMS:%=$(BUILD)/ferry-%): $(BUILD)/ferry-%: $$(addprefix $(BUILD)/,$$(PROGRAM_$$*:.c=.o) $$(ALSO_$$*:.c=.o))
	$(call short,LINK)$(CC) $(or $(PIE_$*),-pie) $(ALL_LDFLAGS) -s -Wl,-z,noseparate-code -o $@ $^ $(LIBS_$*)

$(EMBEDDED): $(BUILD)/embedded-%.o: lib/embed.S $(BUILD)/ferry-%
	$(call short,AS)$(CC) -DPROGRAM='"$(BUILD)/ferry-$*"' -DDATA=$*_program -DSIZE=$*_program_size -c -o $@ $<

# Static, which sanitizers cannot be.
$(BUILD)/runtime/reaper/%.o: ALL_CFLAGS += -fno-sanitize=all

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call short,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Unit tests: one program for each tests/unit/test_*.c, linked with everything but main().
UNIT        := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libferry.a
	@mkdir -p $(@D)
	$(call short,LINK)$(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS) $(DYNAMIC) -lcmocka

$(BUILD)/libferry.a: $(LIBRARY)
	@rm -f $@
	$(AR) rcs $@ $^

unit-programs: $(UNIT)

# What netns/ does, without containers: for attach.bats and tests/bench/networks. What checkpoint/ does to images of a process
# with warm memory: for vm/shared_memory.bats.
TEST_PROGRAMS := $(BUILD)/tests/attach $(BUILD)/tests/warm

$(TEST_PROGRAMS): $(BUILD)/tests/%: tests/integration/%.c $(BUILD)/libferry.a
	@mkdir -p $(@D)
	$(call short,LINK)$(CC) $(ALL_CFLAGS) $(PIE) $(ALL_LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS)

# For vm/checkpoint.bats.
$(BUILD)/tests/die_at.so: tests/vm/die_at.c
	@mkdir -p $(@D)
	$(call short,LINK)$(CC) $(ALL_CFLAGS) -fPIC -shared $(ALL_LDFLAGS) -o $@ $<

$(BUILD)/tests/roundtrip: tests/bench/roundtrip.c
	@mkdir -p $(@D)
	$(call short,LINK)$(CC) $(ALL_CFLAGS) $(PIE) $(ALL_LDFLAGS) -o $@ $<

check-unit: $(UNIT)
	@failed=0; for t in $(UNIT); do $$t || failed=1; done; exit $$failed

check-layers:
	tests/layers

# Every manual page, strictly, and against --help.
check-man: all
	tests/check-man $(BUILD)/ferry

# The specification's own schemas and examples, where they are at hand; the tests that need them say so when not.
OCI         ?= $(abspath ../shared/oci/runtime-spec)

# Natively, as root: the commands and the fields of config.json as this machine can run them.
check-integration: all $(BUILD)/tests/attach
	FERRY=$(BUILD)/ferry OCI_EXAMPLES=$(OCI)/test/config/good OCI_SCHEMA=$(OCI)/features-schema.json \
		tests/integration/run

# In the test machine: limits, systemd, engines; the program as it is installed, whatever the others were built with.
check-vm: all $(BUILD)/tests/warm $(BUILD)/tests/die_at.so
	env -u MAKEFLAGS -u SANITIZE -u BUILD tests/vm/all -t 2400

check: deps
	@$(MAKE) --no-print-directory all
	@failed=; for t in unit layers man integration vm; do \
		$(MAKE) --no-print-directory check-$$t || failed="$$failed $$t"; done; \
		[ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

demo:
	@tests/install-deps build demo
	@$(MAKE) --no-print-directory all
	@tests/demo

bench:
	@tests/install-deps build bench
	@$(MAKE) --no-print-directory all
	tests/bench/run
	tests/bench/images

bench-images:
	@tests/install-deps build bench
	@$(MAKE) --no-print-directory all
	tests/bench/images

bench-networks: $(BUILD)/tests/attach $(BUILD)/tests/roundtrip
	@tests/install-deps build bench
	BUILD=$(BUILD) tests/bench/networks

bench-snapshots:
	@tests/install-deps build machine
	@$(MAKE) --no-print-directory all
	tests/vm/run -t 1800 -- bench/snapshot

bench-clones: all
	@tests/install-deps build bench
	BUILD=$(BUILD) tests/bench/clones

# Debian packages that are missing, if any.
deps:
	@tests/install-deps build tests machine

install: all
	install -D -s -m 755 $(BUILD)/ferry $(DESTDIR)$(PREFIX)/bin/ferry
	@set -e; for page in $(MAN); do \
		install -D -m 644 $$page $(SHARE)/man/man$${page##*.}/$${page##*/}; done
	@set -e; for c in $(COMPLETIONS); do \
		$(BUILD)/ferry completion $${c%%:*} | install -D -m 644 /dev/stdin $(SHARE)/$${c#*:}; done
	@set -e; for unit in $(UNIT_FILES); do \
		sed 's,@PREFIX@,$(PREFIX),' $$unit | install -D -m 644 /dev/stdin $(UNIT_DIR)/$${unit##*/}; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/ferry $(addprefix $(UNIT_DIR)/,$(notdir $(UNIT_FILES)))
	rm -f $(foreach c,$(COMPLETIONS),$(SHARE)/$(lastword $(subst :, ,$c)))
	rm -f $(foreach p,$(MAN),$(SHARE)/man/man$(subst .,,$(suffix $p))/$(notdir $p))

coverage:
	$(MAKE) BUILD=build-coverage CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage check-unit check-integration
	gcovr --object-directory build-coverage --exclude tests/ --print-summary

lint:
	cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=ctuuninitvar:lib/err.c -D_GNU_SOURCE -I. $(FOLDERS)

format:
	clang-format -i $(SOURCES) $(PROGRAM) $(wildcard $(FOLDERS:%=%/*.h) $(FOLDERS:%=%/*/*.h) tests/unit/*.c)

compile_commands.json: Makefile
	$(file >$@,[$(subst } {,}$(comma){,$(foreach s,$(SOURCES) $(PROGRAM),{"directory":"$(CURDIR)"$(comma)\
	"file":"$s"$(comma)"command":"$(CC) $(subst ",\",$(ALL_CFLAGS)) -c $s"}))])
	@test -s $@

help:
	@sed -n 's/^#: //p' Makefile

clean:
	rm -rf build build-* compile_commands.json

.PHONY: all unit-programs check check-unit check-layers check-man check-integration check-vm demo bench bench-images bench-networks \
	bench-clones bench-snapshots deps install uninstall coverage lint format help clean
-include $(OBJECTS:.o=.d) $(PROGRAM:%.c=$(BUILD)/%.d) $(UNIT:=.d) $(TEST_PROGRAMS:=.d)
