# ferry's build. `make help` lists the targets:
#
#: all                  build/ferry (the default); SANITIZE=address,undefined WERROR=1 CC=clang change it
#: check                install what is missing, build, run every test
#: check-unit check-layers check-man check-integration check-vm    the parts of check
#: demo                 ferry's main job on this machine
#: bench                ferry beside crun, runc and a bare program
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

SOURCES     := $(foreach d,$(FOLDERS),$(wildcard $(d)/*.c $(d)/*/*.c))
MAIN        := runtime/main.c
OBJECTS     := $(SOURCES:%.c=$(BUILD)/%.o)
MAN         := $(wildcard man/*.[1-8])
# Completions present in the tree, with the place under PREFIX/share each shell looks in.
COMPLETIONS := $(foreach c,ferry.bash:bash-completion/completions/ferry _ferry:zsh/site-functions/_ferry \
               ferry.fish:fish/vendor_completions.d/ferry.fish,$(if $(wildcard completions/$(firstword $(subst :, ,$c))),$c))
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
	@failed=0; for t in $(UNIT); do $$t || failed=1; done; exit $$failed

check-layers:
	tests/layers

# Every manual page, strictly.
check-man:
	@set -e; for page in $(MAN); do mandoc -T lint -W warning $$page; done

# Natively, as root: the commands and the fields of config.json as this machine can run them.
check-integration: all
	@set -- tests/integration/*.bats; [ ! -e $$1 ] || FERRY=$(BUILD)/ferry tests/integration/run -v $$@

# In the test machine: limits, systemd, engines.
check-vm: all
	tests/vm/all -t 1500

check: deps
	@$(MAKE) --no-print-directory all
	@failed=; for t in unit layers man integration vm; do $(MAKE) --no-print-directory check-$$t || failed="$$failed $$t"; \
		done; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

demo:
	@tests/install-deps build
	@$(MAKE) --no-print-directory all
	tests/demo

bench: all
	tests/bench/run

# Debian packages that are missing, if any.
deps:
	@tests/install-deps build tests machine

install: all
	install -D -m 755 $(BUILD)/ferry $(DESTDIR)$(PREFIX)/bin/ferry
	@set -e; for page in $(MAN); do \
		install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	@set -e; for c in $(COMPLETIONS); do install -D -m 644 completions/$${c%%:*} $(DESTDIR)$(PREFIX)/share/$${c#*:}; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/ferry $(foreach c,$(COMPLETIONS),$(DESTDIR)$(PREFIX)/share/$(lastword $(subst :, ,$c)))
	rm -f $(foreach p,$(MAN),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $p))/$(notdir $p))

coverage:
	$(MAKE) BUILD=build-coverage CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage check-unit check-integration
	gcovr --object-directory build-coverage --exclude tests/ --print-summary

lint:
	cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem -D_GNU_SOURCE -I. $(FOLDERS)

format:
	clang-format -i $(SOURCES) $(wildcard $(FOLDERS:%=%/*.h) $(FOLDERS:%=%/*/*.h) tests/unit/*.c)

compile_commands.json: Makefile
	$(file >$@,[$(subst } {,}$(comma){,$(foreach s,$(SOURCES),{"directory":"$(CURDIR)"$(comma)"file":"$s"$(comma)\
	"command":"$(CC) $(subst ",\",$(ALL_CFLAGS)) -c $s"}))])
	@test -s $@

help:
	@sed -n 's/^#: //p' Makefile

clean:
	rm -rf build build-* compile_commands.json

.PHONY: all unit-programs check check-unit check-layers check-man check-integration check-vm demo bench deps install \
	uninstall coverage lint format help clean
-include $(OBJECTS:.o=.d) $(UNIT:=.d)
