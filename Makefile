# outreachd - built with `make`; FLAVOR=test builds with ASan and UBSan, and
# FLAVOR=fuzz with clang for libFuzzer (see scripts/fuzz).
#
# A room (daemon/NAME) is compiled with an include path of itself and the rooms
# below it, in the order of ROOMS: an include that points upwards does not build.

FLAVOR  ?= release
ROOMS   := base text campaign store gateway dispatch inbound web cli
BUILD   := build/$(FLAVOR)
RULED   := $(BUILD)/libconfig.a $(BUILD)/libhiredis.a

CC      ?= cc
CXX     ?= c++
PKGS    := libevent hiredis libconfig libcurl jansson libsodium libcrypto libmicrohttpd xlsxwriter libzip expat
WARN    := -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Werror
CWARN   := $(WARN) -Wstrict-prototypes -Wmissing-prototypes -Wvla
CPPFLAGS += -D_GNU_SOURCE $(shell pkg-config --cflags $(PKGS))
release_FLAGS := -O2 -g -fno-plt -fno-semantic-interposition
test_FLAGS    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# clang takes NULL + 0 for an overflow of a pointer; gcc and C2y do not.
fuzz_FLAGS    := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize=pointer-overflow \
  -fno-sanitize-recover=undefined -fno-omit-frame-pointer
ifeq ($(FLAVOR),fuzz)
CC      := clang
CXX     := clang++
endif
ifeq ($(FLAVOR),test)
CPPFLAGS += -DOUTREACH_FAULTS # base/fault.h
endif
FLAGS   := $($(FLAVOR)_FLAGS) -fPIC -MMD -MP
CFLAGS  += -std=c11 $(CWARN)
CXXFLAGS += -std=c++17 $(WARN)
LDFLAGS += $(filter -fsanitize=%,$(FLAGS))
LDLIBS  += $(RULED) $(shell pkg-config --libs $(filter-out libconfig hiredis,$(PKGS))) -lical -lssl -lphonenumber -licuuc -lstdc++ -lm -ldl

# $(call below,ROOM): ROOM and the rooms under it
below = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call below,$(1),$(wordlist 2,99,$(2))))
includes = $(addprefix -Idaemon/,$(call below,$(1),$(ROOMS))) $(if $(filter-out base text campaign store,$(1)),-Iplugins) \
  $(if $(filter cli,$(1)),-Iplugins/common)

SOURCES := $(filter-out daemon/cli/main.c,$(wildcard $(ROOMS:%=daemon/%/*.c) $(ROOMS:%=daemon/%/*.cc)))
OBJECTS := $(patsubst %,$(BUILD)/%.o,$(SOURCES)) $(BUILD)/plugins/common/codes.c.o
LIB     := $(BUILD)/liboutreach.a

# plugins/common is no plugin: what several share, compiled into those that name it;
# plugins/template is built where it was copied to, by its own Makefile.
PLUGINS := $(filter-out common template,$(sort $(patsubst plugins/%/,%,$(dir $(wildcard plugins/*/*.c)))))
PLUGIN_TABLES := $(patsubst plugins/%/codes.tsv,$(BUILD)/plugins/%.tsv,$(wildcard plugins/*/codes.tsv))
PLUGIN_SOS := $(PLUGINS:%=$(BUILD)/plugins/%.so)
PLUGIN_ARCHIVES := $(PLUGINS:%=$(BUILD)/plugins/%.a)

TESTS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzzers/%,$(wildcard tests/fuzz/*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

DRIVEN_CLOCK := $(BUILD)/driven_clock.so
all: $(BUILD)/outreachd $(BUILD)/outreach $(PLUGIN_SOS) $(PLUGIN_TABLES) $(DRIVEN_CLOCK)

$(BUILD)/outreachd: $(BUILD)/daemon/main.c.o $(LIB)
$(BUILD)/outreach: $(BUILD)/daemon/cli/main.c.o $(LIB)
$(BUILD)/outreachd $(BUILD)/outreach:
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $< -Wl,--whole-archive $(LIB) -Wl,--no-whole-archive $(LDLIBS)

# These do not look at what malloc() gives them, or lose count: they get base/mem.c's, which never fails.
libconfig_STRDUP := __strdup
libhiredis_STRDUP := strdup
$(RULED): $(BUILD)/lib%.a: | $(BUILD)/daemon/base
	objcopy --redefine-sym malloc=xmalloc --redefine-sym calloc=xcalloc --redefine-sym realloc=xrealloc \
	  --redefine-sym $(lib$*_STRDUP)=xstrdup $$($(CC) -print-file-name=lib$*.a) $@

$(LIB): $(OBJECTS) | $(RULED)
	@rm -f $@
	ar rcs $@ $^

define room_rules
$(BUILD)/daemon/$(1)/%.c.o: daemon/$(1)/%.c | $(BUILD)/daemon/$(1)
	$$(CC) $$(CPPFLAGS) $(call includes,$(1)) $$(FLAGS) $$(CFLAGS) -c -o $$@ $$<
$(BUILD)/daemon/$(1)/%.cc.o: daemon/$(1)/%.cc | $(BUILD)/daemon/$(1)
	$$(CXX) $$(CPPFLAGS) $(call includes,$(1)) $$(FLAGS) $$(CXXFLAGS) -c -o $$@ $$<
$(BUILD)/daemon/$(1):
	mkdir -p $$@
endef
$(foreach room,$(ROOMS),$(eval $(call room_rules,$(room))))

$(BUILD)/daemon/main.c.o: daemon/main.c | $(BUILD)/daemon/base
	$(CC) $(CPPFLAGS) $(call includes,web) $(FLAGS) $(CFLAGS) -c -o $@ $<

# What people read in Chinese (base/language.h). A system-dependent format is written out:
# that libintl would do when it loads a catalogue.
$(BUILD)/zh_CN.mo: po/zh_CN.po
	@mkdir -p $(@D)
	sed 's/<PRI\([a-zA-Z]\)64>/l\1/g; s/<PRI\([a-zA-Z]\)32>/\1/g' $< | msgfmt --check-format -o $@ -
$(BUILD)/daemon/base/language.c.o: CPPFLAGS += -DLANGUAGE_CATALOGUE='"$(BUILD)/zh_CN.mo"'
$(BUILD)/daemon/base/language.c.o: $(BUILD)/zh_CN.mo

# The Lua scripts are part of the program: scripts.c takes them in by .incbin.
$(BUILD)/daemon/store/scripts.c.o: $(wildcard daemon/store/scripts/*.lua)
$(BUILD)/daemon/text/reply_words.c.o: daemon/text/alarm_words.tsv

# The command line reads the tables of codes too, so $(LIB) has codes.c.
# What a plugin takes of plugins/common, and the libraries it needs besides.
TRUNK := trunk trunk_settings trunk_session trunk_message trunk_inbound wire secure window reassembly sms validity
smpp_COMMON := $(TRUNK) codes
smpp_LIBS := -levent -lssl -lcrypto
cmpp_COMMON := $(TRUNK) codes digest
cmpp_LIBS := -levent -lssl -lcrypto
aliyun_COMMON := awaited china codes digest endpoint inbox judge masked
aliyun_LIBS := -ljansson -lcrypto
tencent_COMMON := $(aliyun_COMMON)
tencent_LIBS := -ljansson -lcrypto
wecom_COMMON := codes digest gather judge token
wecom_LIBS := -ljansson -lcrypto
dingtalk_COMMON := codes digest inbox judge masked token
dingtalk_LIBS := -ljansson -lcrypto
feishu_COMMON := codes digest judge
feishu_LIBS := -ljansson -lcrypto
twilio_COMMON := answers awaited codes digest gather member single
twilio_LIBS := -ljansson -lcrypto
telegram_COMMON := answers codes digest gather member single
telegram_LIBS := -ljansson -lcrypto
whatsapp_COMMON := answers codes digest gather member single
whatsapp_LIBS := -ljansson -lcrypto
exec_LIBS := -levent -ljansson
wechat_COMMON := codes digest judge token
wechat_LIBS := -ljansson -lcrypto
modem_COMMON := codes sms reassembly
modem_LIBS := -levent
huawei_COMMON := codes digest endpoint inbox judge masked
huawei_LIBS := -ljansson -lcrypto

plugin_objects = $(patsubst plugins/%.c,$(BUILD)/plugins/%.c.o,$(wildcard plugins/$(1)/*.c)) \
  $($(1)_COMMON:%=$(BUILD)/plugins/common/%.c.o)

define plugin_rules
$(BUILD)/plugins/$(1)/%.c.o: plugins/$(1)/%.c | $(BUILD)/plugins/$(1)
	$$(CC) $$(CPPFLAGS) -Iplugins -Iplugins/common -Iplugins/$(1) $$(FLAGS) $$(CFLAGS) -c -o $$@ $$<
$(patsubst plugins/%.c,$(BUILD)/plugins/%.c.o,$(wildcard plugins/$(1)/*.c)): $(wildcard plugins/$(1)/codes.tsv)
$(BUILD)/plugins/$(1):
	mkdir -p $$@
ifneq ($(1),common)
$(BUILD)/plugins/$(1).so: $(call plugin_objects,$(1))
	$$(CC) $$(LDFLAGS) -shared -Wl,-z,nodelete -Wl,-Bsymbolic -o $$@ $$^ $$($(1)_LIBS)
$(BUILD)/plugins/$(1).a: $(patsubst plugins/$(1)/%.c,$(BUILD)/plugins/$(1)/%.c.o,$(wildcard plugins/$(1)/*.c))
	@rm -f $$@
	ar rcs $$@ $$^
endif
endef
$(foreach plugin,$(PLUGINS) common,$(eval $(call plugin_rules,$(plugin))))

COMMON := $(patsubst plugins/%.c,$(BUILD)/plugins/%.c.o,$(wildcard plugins/common/*.c))
$(BUILD)/plugins/%.tsv: plugins/%/codes.tsv
	@mkdir -p $(@D)
	cp $< $@

# Plugins that break their word, for the tests of the host.
TEST_PLUGINS := $(patsubst tests/unit/plugins/%.c,$(BUILD)/tests/plugins/%.so,$(wildcard tests/unit/plugins/*.c))
$(BUILD)/tests/plugins/%.so: tests/unit/plugins/%.c | $(BUILD)/tests
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Iplugins $(FLAGS) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,nodelete -o $@ $<

# Judges a plugin by its .so alone; a plugin finds nothing of ours in it (scripts/plugin-check).
CHECK := $(BUILD)/plugin-check
$(CHECK): $(wildcard tests/check/*.[ch]) plugins/gateway_plugin.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Iplugins $(filter-out -MMD -MP,$(FLAGS)) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -levent -ldl

# A clock that tests drive; any program takes it in by LD_PRELOAD, also one that is
# no work of ours, so it has no sanitizer.
# Preloaded by outreach rehearse, and by tests.
$(DRIVEN_CLOCK): daemon/rehearsal/driven_clock.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -O2 -g -fPIC $(CFLAGS) -shared -o $@ $<

FAILING_MALLOC := $(BUILD)/tests/failing_malloc.so
$(FAILING_MALLOC): tests/memory/failing_malloc.c | $(BUILD)/tests
	$(CC) $(CPPFLAGS) -O2 -g -fPIC $(CFLAGS) -fno-builtin -shared -o $@ $< -ldl

HEAP_ACCOUNT := $(BUILD)/tests/heap_account.so
$(HEAP_ACCOUNT): tests/memory/heap_account.c | $(BUILD)/tests
	$(CC) $(CPPFLAGS) -O2 -g -fPIC $(CFLAGS) -shared -o $@ $<

# Unit tests may look into any room and any plugin's parts; a whole plugin is tested through dlopen.
$(BUILD)/tests/%: tests/unit/%.c $(LIB) $(PLUGIN_ARCHIVES) $(COMMON) | $(BUILD)/tests $(PLUGIN_SOS) $(TEST_PLUGINS) $(CHECK)
	$(CC) $(CPPFLAGS) $(ROOMS:%=-Idaemon/%) -Iplugins -Iplugins/common $(PLUGINS:%=-Iplugins/%) $(FLAGS) $(CFLAGS) \
	  -DTEST_DIR='"$(CURDIR)/tests"' -DBUILD_DIR='"$(CURDIR)/$(BUILD)"' -c -o $@.o $<
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $@.o $(COMMON) $(LIB) $(PLUGIN_ARCHIVES) $(LDLIBS) -lcmocka
$(BUILD)/tests:
	mkdir -p $@
tests: $(TESTS) $(DRIVEN_CLOCK) $(FAILING_MALLOC) $(HEAP_ACCOUNT) $(BUILD)/bench/smsc $(BUILD)/peers/modem $(CHECK)

# One fuzzer a file, for FLAVOR=fuzz. PLUGIN_... looks into that plugin alone: of
# gateway_plugin there can be but one in a program, and headers share names.
fuzzed = $(filter $(PLUGINS),$(firstword $(subst _, ,$(1))))
$(BUILD)/fuzzers/%: tests/fuzz/%.c $(LIB) $(PLUGIN_ARCHIVES) $(COMMON) | $(BUILD)/fuzzers
	$(CC) $(CPPFLAGS) $(patsubst %,-Iplugins/%,$(call fuzzed,$*)) $(ROOMS:%=-Idaemon/%) -Iplugins -Iplugins/common -Itests/unit \
	  $(FLAGS) $(CFLAGS) -c -o $@.o $<
	$(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $@.o $(COMMON) $(LIB) $(patsubst %,$(BUILD)/plugins/%.a,$(call fuzzed,$*)) $(LDLIBS)
$(BUILD)/fuzzers:
	mkdir -p $@
fuzzers: $(FUZZERS)

$(BUILD)/bench/%: tests/bench/%.c | $(BUILD)/bench
	$(CC) $(CPPFLAGS) $(FLAGS) $(CFLAGS) -o $@ $< -levent -lhiredis -lcurl -lm
$(BUILD)/bench:
	mkdir -p $@
bench: $(BENCHES)

# What end-to-end tests play that node cannot.
$(BUILD)/peers/%: tests/peers/%.c | $(BUILD)/peers
	$(CC) $(CPPFLAGS) -Itests/unit $(FLAGS) $(CFLAGS) -o $@ $< -levent
$(BUILD)/peers:
	mkdir -p $@

# The model of the ledger (tests/model), checked by spin's pan, with the daemon's own rules in it.
# Without sanitizers: it runs through some ten million states.
MODEL := $(BUILD)/model/pan
MODEL_RULES := daemon/store/ledger.c daemon/dispatch/outcome.c daemon/inbound/receipts.c
$(MODEL): $(wildcard tests/model/*.pml tests/model/*.[ch]) $(MODEL_RULES) $(MODEL_RULES:.c=.h)
	mkdir -p $(@D)
	cd $(@D) && spin -a $(CURDIR)/tests/model/ledger.pml
	$(CC) -O1 -w -DNP -DNOFAIR -DVECTORSZ=512 -DMEMLIM=1000 $(CPPFLAGS) -Itests/model $(ROOMS:%=-Idaemon/%) -Iplugins \
	  -o $@ $(@D)/pan.c tests/model/glue.c $(MODEL_RULES)
model: $(MODEL)

# Manual pages and completions, from the tables that the programs read by (manual/manual.c).
MANUAL := $(BUILD)/manual/manual
PAGES  := $(patsubst manual/%.in,$(BUILD)/manual/%,$(wildcard manual/*.in))
$(MANUAL): manual/manual.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ROOMS:%=-Idaemon/%) -Iplugins $(FLAGS) $(CFLAGS) -c -o $@.o $<
	$(CXX) $(LDFLAGS) -rdynamic -o $@ $@.o -Wl,--whole-archive $(LIB) -Wl,--no-whole-archive $(LDLIBS)
$(BUILD)/manual/%: manual/%.in $(MANUAL) $(PLUGIN_SOS) plugins/gateway_plugin.h
	$(MANUAL) page $< $(BUILD)/plugins >$@.part && mv $@.part $@
$(BUILD)/manual/outreach.bash $(BUILD)/manual/_outreach: $(MANUAL)
	$(MANUAL) bash >$(BUILD)/manual/outreach.bash && $(MANUAL) zsh >$(BUILD)/manual/_outreach
manual: $(PAGES) $(BUILD)/manual/outreach.bash $(BUILD)/manual/_outreach

# DESTDIR and PREFIX as usual; plugins are looked for in /usr/lib/outreach unless `plugin_dir` says.
PREFIX ?= /usr
install: all manual $(CHECK)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/include \
	  $(DESTDIR)$(PREFIX)/lib/outreach/plugins $(DESTDIR)/etc/outreach/calendars \
	  $(DESTDIR)$(PREFIX)/share/outreach/template \
	  $(foreach n,1 3 5 7 8,$(DESTDIR)$(PREFIX)/share/man/man$(n)) \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
	install -m 755 $(BUILD)/outreach $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/outreachd $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(PLUGIN_SOS) $(PLUGIN_TABLES) $(DESTDIR)$(PREFIX)/lib/outreach/plugins
	install -m 755 $(DRIVEN_CLOCK) $(CHECK) $(DESTDIR)$(PREFIX)/lib/outreach
	install -m 644 plugins/gateway_plugin.h $(DESTDIR)$(PREFIX)/include
	install -m 644 plugins/template/* $(DESTDIR)$(PREFIX)/share/outreach/template
	for page in $(PAGES); do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; done
	install -m 644 $(BUILD)/manual/outreach.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/outreach
	install -m 644 $(BUILD)/manual/_outreach $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_outreach
	install -m 644 conf/calendars/* $(DESTDIR)/etc/outreach/calendars
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d
	sed 's|/usr/sbin|$(PREFIX)/sbin|' conf/systemd/outreachd.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/outreachd.service
	install -m 644 conf/systemd/outreach.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/outreach.conf
	[ -e $(DESTDIR)/etc/outreach/outreachd.conf ] || install -m 640 conf/outreachd.conf $(DESTDIR)/etc/outreach

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all install manual tests model fuzzers bench clean
.SECONDARY:
