# SPDX-License-Identifier: Apache-2.0
# The only build file. A folder's compile line is its permission: what is not in it cannot be included.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DEFAULT_GOAL := all

SAN ?=
BUILD ?= build$(if $(SAN),-$(firstword $(subst $(comma), ,$(SAN))))
comma := ,
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '%-5s %s\n' '$(1)' '$(2)')

CC := gcc
CLANG := clang-14
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)
PREFIX ?= /usr/local

OPT ?= -O2
CFLAGS_ALL := -std=gnu2x $(OPT) -g -march=$(or $(MARCH),x86-64-v2 -mtune=icelake-server) -Wall -Wextra -Werror \
	-Wmissing-prototypes -Wshadow -fno-common -fstack-protector-strong -D_GNU_SOURCE \
	-Iinclude $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
LDFLAGS_ALL := $(if $(SAN),-fsanitize=$(SAN)) -Wl,-z,relro,-z,now -fno-lto
# The data plane is optimized as a whole when it is linked; tests link the same objects as they are.
LTO := $(if $(SAN),,-flto=auto)
LDFLAGS_WHOLE := $(filter-out -fno-lto,$(LDFLAGS_ALL)) $(LTO)

have = $(shell pkg-config --exists $(1) && echo yes)
pc_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pc_libs = $(shell pkg-config --libs $(1) 2>/dev/null)

# ---- folders: sources, permissions (-I), libraries ------------------------------------------------
# folder_<name> is the path; cflags_<name> what may be included; libs_<name> what its tests link.

folders := contract media pipeline io_plain core sdp dialect edge plane
DPDK := $(call have,libdpdk)
ifeq ($(DPDK),yes)
folders += io_dpdk
endif

# intel-ipsec-mb has no pkg-config file; without it SRTP goes through libsrtp2 alone
IPSEC_MB := $(shell printf '\043include <intel-ipsec-mb.h>\n\043if IMB_VERSION_NUM < IMB_VERSION(1, 3, 0)\n\043error old\n\043endif\n' | \
	$(CC) -E - >/dev/null 2>&1 && echo yes)
only_ipsec_mb := srtp_ipsec_mb srtp_derive gcm

lto_folders := contract media pipeline io_plain io_dpdk
src_contract := $(wildcard include/*.c)
src_media := $(wildcard dpdk-app/media/*.c)
ifneq ($(IPSEC_MB),yes)
src_media := $(filter-out $(only_ipsec_mb:%=dpdk-app/media/%.c),$(src_media))
$(info intel-ipsec-mb is missing: SRTP goes through libsrtp2 alone; `sudo make deps` installs it)
endif
src_pipeline := $(wildcard dpdk-app/pipeline/*.c)
src_io_plain := $(wildcard dpdk-app/io/plain*.c)
src_io_dpdk := $(filter-out $(src_io_plain),$(wildcard dpdk-app/io/*.c))
src_core := $(wildcard control-plane/core/*.c)
src_sdp := $(wildcard control-plane/sdp/*.c)
src_dialect := $(wildcard control-plane/dialect/*.c)
src_edge := $(wildcard control-plane/edge/*.c)
src_plane := $(wildcard control-plane/plane/*.c)

cflags_contract := $(call pc_cflags,yaml-0.1)
cflags_media := $(call pc_cflags,libsrtp2) $(if $(IPSEC_MB),-DSLUICE_IPSEC_MB)
cflags_pipeline := -Idpdk-app
cflags_io_plain := -Idpdk-app
cflags_io_dpdk := -Idpdk-app $(call pc_cflags,libdpdk) $(call pc_cflags,libbpf) -Wno-address-of-packed-member
cflags_core :=
cflags_sdp := -Icontrol-plane
cflags_dialect := -Icontrol-plane $(call pc_cflags,jansson)
cflags_edge := -Icontrol-plane $(call pc_cflags,libwebsockets openssl nice libjwt jansson libcurl)
cflags_plane := -Icontrol-plane $(call pc_cflags,libbpf libmnl)

# what a folder's archive needs behind it at link time, nearest first
libs_contract := contract yaml
libs_media := media srtp
libs_pipeline := pipeline io_plain media contract srtp yaml
libs_io_plain := io_plain pipeline media contract srtp yaml
libs_core := core
libs_sdp := sdp core
libs_dialect := dialect sdp core jansson
libs_edge := edge sdp core contract yaml lws
libs_plane := plane core contract yaml bpf

extern_yaml := $(call pc_libs,yaml-0.1)
extern_srtp := $(call pc_libs,libsrtp2) $(if $(IPSEC_MB),-lIPSec_MB)
extern_jansson := $(call pc_libs,jansson)
extern_lws := $(call pc_libs,libwebsockets openssl nice libjwt jansson libcurl) -lev
extern_bpf := $(call pc_libs,libbpf libmnl)
externs := yaml srtp jansson lws bpf
archives = $(foreach l,$(1),$(if $(filter $(l),$(externs)),,$(BUILD)/lib$(l).a))
# --start-group: a folder calls back through tables and link-time functions (pipeline <-> io)
link = -Wl,--start-group $(call archives,$(1)) -Wl,--end-group $(foreach l,$(1),$(extern_$(l)))

define folder_rules
obj_$(1) := $$(patsubst %.c,$$(BUILD)/obj/%.o,$$(src_$(1)))
$$(obj_$(1)): cflags := $$(cflags_$(1)) $(if $(filter $(1),$(lto_folders)),$(LTO:%=% -ffat-lto-objects))
$$(BUILD)/lib$(1).a: $$(obj_$(1))
	$$(call say,AR,$$(notdir $$@))
	$$(Q)rm -f $$@ && ar rcs $$@ $$(obj_$(1))
endef
$(foreach f,$(folders),$(eval $(call folder_rules,$(f))))

$(BUILD)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) $(CFLAGS_ALL) $(cflags) -DSLUICE_VERSION='"$(VERSION)"' -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- programs -------------------------------------------------------------------------------------

programs := sluice-dataplane-plain $(if $(DPDK),sluice-dataplane) sluice-control sluicectl
dataplane_main := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard dpdk-app/*.c))
control_main := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out control-plane/sluicectl%.c,$(wildcard control-plane/*.c)))
sluicectl_main := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard control-plane/sluicectl*.c))
$(dataplane_main): cflags := -Idpdk-app $(LTO:%=% -ffat-lto-objects)
$(control_main): cflags := -Icontrol-plane $(cflags_edge)
$(sluicectl_main): cflags := -Icontrol-plane $(call pc_cflags,jansson)

all: $(addprefix $(BUILD)/,$(programs)) ebpf ## build everything
dataplane: $(BUILD)/sluice-dataplane-plain $(if $(DPDK),$(BUILD)/sluice-dataplane) ## build the data plane
control: $(BUILD)/sluice-control $(BUILD)/sluicectl ## build the control plane and sluicectl
ifneq ($(DPDK),yes)
ifeq ($(filter deps deps-test run test,$(MAKECMDGOALS)),) # these install it first
$(info libdpdk is missing: only the plain data plane is built; `sudo make deps` installs it)
endif
endif

$(BUILD)/sluice-dataplane: $(dataplane_main) $(call archives,io_dpdk pipeline media contract)
	$(call say,LD,$(notdir $@))
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_WHOLE) -o $@ $(dataplane_main) $(call link,io_dpdk pipeline media contract srtp yaml bpf) \
		$(call pc_libs,libdpdk) -lcap-ng -lpthread

$(BUILD)/sluice-dataplane-plain: $(dataplane_main) $(call archives,io_plain pipeline media contract)
	$(call say,LD,$(notdir $@))
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_WHOLE) -o $@ $(dataplane_main) $(call link,io_plain pipeline media contract srtp yaml) -lcap-ng -lpthread

$(BUILD)/sluice-control: $(control_main) $(call archives,dialect edge plane sdp core contract)
	$(call say,LD,$(notdir $@))
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(control_main) $(call link,dialect edge plane sdp core contract yaml jansson lws bpf) -lev

$(BUILD)/sluicectl: $(sluicectl_main) $(call archives,edge plane contract)
	$(call say,LD,$(notdir $@))
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(sluicectl_main) $(call link,edge plane contract yaml jansson bpf) $(call pc_libs,openssl) -lcap-ng

# ---- XDP ------------------------------------------------------------------------------------------

ebpf: $(BUILD)/steer.bpf.o ## build the XDP filter
$(BUILD)/steer.bpf.o: ebpf/steer.bpf.c $(wildcard ebpf/*.h) include/sluice/demux.h include/sluice/xdp.h
	$(call say,BPF,$<)
	$(Q)mkdir -p $(BUILD)
	$(Q)$(CLANG) -O2 -g -target bpf -D__TARGET_ARCH_x86 -Wall -Wextra -Werror -Iinclude \
		-I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<
	$(Q)llvm-strip-14 -g $@

# ---- tests: they mirror the sources ---------------------------------------------------------------
# tests/unit/FOLDER/test_x.c links only what FOLDER may use.

unit_src := $(filter-out $(if $(IPSEC_MB),,$(only_ipsec_mb:%=tests/unit/media/test_%.c)),$(wildcard tests/unit/*/test_*.c))
unit_bin := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(unit_src))
define unit_rules
$(BUILD)/unit/$(1)/%: tests/unit/$(1)/%.c $$(call archives,$$(libs_$(1)))
	$$(call say,TEST,$$<)
	$$(Q)mkdir -p $$(dir $$@)
	$$(Q)$$(CC) $$(CFLAGS_ALL) $$(cflags_$(1)) -Wno-missing-prototypes -Idpdk-app -Icontrol-plane -Itests \
		$$(LDFLAGS_ALL) -MMD -MP -MF $$@.d -o $$@ $$< $$(call link,$$(libs_$(1))) -lcmocka -lm -lpthread
endef
$(foreach f,contract media pipeline io_plain core sdp dialect edge plane,$(eval $(call unit_rules,$(f))))
-include $(wildcard $(BUILD)/unit/*/*.d)

$(BUILD)/talk: $(wildcard tests/talk/*.c) $(call archives,dialect sdp core)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(cflags_dialect) $(LDFLAGS_ALL) -o $@ $(wildcard tests/talk/*.c) $(call link,dialect sdp core jansson) -lm

$(BUILD)/replay: $(wildcard tests/replay/*.c) $(call archives,pipeline io_plain media contract)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Idpdk-app $(LDFLAGS_ALL) -o $@ $(wildcard tests/replay/*.c) $(call link,pipeline io_plain media contract srtp yaml) -lpthread

$(BUILD)/xdp/%: tests/xdp/%.c include/sluice/demux.h include/sluice/xdp.h
	$(call say,TEST,$<)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) $(CFLAGS_ALL) $(call pc_cflags,libbpf) -Wno-missing-prototypes $(LDFLAGS_ALL) -o $@ $< -lcmocka $(call pc_libs,libbpf)

bench_shared := bench/media/measure.c
$(BUILD)/bench/media/seal: bench/media/seal.c $(bench_shared) $(call archives,media)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) $(CFLAGS_ALL) -Idpdk-app $(LDFLAGS_WHOLE) -o $@ $(filter %.c,$^) $(call link,media srtp)

$(BUILD)/bench/media/crowd: bench/media/crowd.c $(wildcard tests/replay/*.h) $(call archives,pipeline io_plain media contract)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) $(CFLAGS_ALL) -Idpdk-app -Itests $(LDFLAGS_WHOLE) -o $@ $< $(call link,pipeline io_plain media contract srtp yaml) -lpthread

$(BUILD)/bench/media/forward: bench/media/forward.c $(bench_shared) $(wildcard tests/replay/*.h) \
		$(call archives,pipeline io_plain media contract)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CC) $(CFLAGS_ALL) -Idpdk-app -Itests $(LDFLAGS_WHOLE) -o $@ $(filter %.c,$^) \
		$(call link,pipeline io_plain media contract srtp yaml) -lpthread

# fuzz targets: clang's libFuzzer over the sources themselves; FUZZ_x names what fuzz_x needs
fuzz_rtp := $(src_media)
fuzz_rtcp := $(src_media)
fuzz_srtp := $(src_media)
fuzz_stun := control-plane/edge/stun.c control-plane/edge/stun_ask.c control-plane/edge/address.c
fuzz_sdp := $(src_sdp) $(src_core)
fuzz_sfu := $(src_dialect) $(src_sdp) $(src_core)
fuzz_plain := $(fuzz_sfu)
fuzz_rooms := $(fuzz_sfu)
fuzz_whip := $(fuzz_sfu)
fuzz_chat := $(fuzz_sfu)
fuzz_jsonrpc := $(fuzz_sfu)
fuzz_demux :=
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_bin := $(addprefix $(BUILD)/fuzz/,$(fuzz_names))
$(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c $(src_media) $(src_sdp) $(src_core) $(src_dialect) $(fuzz_stun)
	$(call say,FUZZ,$*)
	$(Q)mkdir -p $(dir $@)
	$(Q)$(CLANG) -std=gnu2x -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE -Iinclude \
		-Idpdk-app -Icontrol-plane -Itests $(cflags_media) $(call pc_cflags,jansson nice) -Wno-unknown-warning-option \
		-o $@ $< $(fuzz_$*) $(extern_srtp) $(call pc_libs,jansson nice) -lm

tests: $(unit_bin) $(if $(wildcard tests/talk/*.c),$(BUILD)/talk) $(if $(wildcard tests/replay/*.c),$(BUILD)/replay) \
	$(patsubst tests/xdp/%.c,$(BUILD)/xdp/%,$(wildcard tests/xdp/*.c))

.PHONY: all dataplane control ebpf tests unit talk replay xdp smoke fuzz test quick lint format deps deps-test run clean help install

unit: $(unit_bin) ## unit tests (ONLY=nack for some, SAN=address,undefined for sanitizers)
	$(Q)BUILD=$(BUILD) tests/run.sh unit $(ONLY)
talk: tests ## conversation scripts of the dialects
	$(Q)BUILD=$(BUILD) tests/run.sh talk $(ONLY)
replay: tests ## captures through the whole pipeline
	$(Q)BUILD=$(BUILD) tests/run.sh replay $(ONLY)
xdp: ebpf tests ## XDP programs by BPF_PROG_TEST_RUN (root)
	$(Q)BUILD=$(BUILD) tests/run.sh xdp $(ONLY)
smoke: all tests ## the whole product in network namespaces (root)
	$(Q)BUILD=$(BUILD) tests/run.sh smoke $(ONLY)
fuzz: $(fuzz_bin) ## a short run of every fuzz target
	$(Q)BUILD=$(BUILD) tests/run.sh fuzz $(ONLY)
quick: all tests ## everything that needs no root and no browser
	$(Q)BUILD=$(BUILD) tests/run.sh unit talk replay xdp

test: deps-test ## install what is missing, build, run all tests
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all tests fuzz-build
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) SAN=address,undefined tests
	$(Q)BUILD=$(BUILD) tests/run.sh lint unit talk replay sanitized xdp fuzz smoke

test-vm: all ## on demand, 30 min: package, systemd, vfio in an emulated machine
	$(Q)BUILD=$(BUILD) tests/vm/run.sh
test-vm-more: all ## on demand, 30 min: services beside the relay, AF_XDP, downgrade, a lost server
	$(Q)BUILD=$(BUILD) VM_LOG=$(BUILD)/vm/more.log \
		VM_STAGES="boot provision call services xdp upgrade downgrade drain cut" tests/vm/run.sh
test-vm-hand: all ## on demand, 10 min: docs/operations.md, typed into a bare server
	$(Q)BUILD=$(BUILD) VM_LOG=$(BUILD)/vm/hand.log VM_STAGES="boot hand_start call hand_call hand_end" tests/vm/run.sh
.PHONY: test-vm test-vm-more test-vm-hand

.PHONY: fuzz-build
fuzz-build: $(fuzz_bin)

lint: ## layout rules of the house: includes, sizes, twins, format
	$(Q)tests/lint.sh
format: ## clang-format in place
	$(Q)clang-format-14 -i $$(git ls-files '*.c' '*.h')

# ---- running and installing -----------------------------------------------------------------------

deps: ## install what building and running need
	$(Q)packaging/deps.sh build
deps-test:
	$(Q)packaging/deps.sh test
run: ## build and start everything on this machine (IFACE=eth1 for a real interface)
	$(Q)packaging/deps.sh build
	$(Q)$(MAKE) --no-print-directory -j$$(nproc) all
	$(Q)BUILD=$(BUILD) packaging/sluice-run $(if $(IFACE),--interface $(IFACE)) $(RUN_ARGS)

install: all ## install under PREFIX (/usr/local), DESTDIR honoured
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(addprefix $(BUILD)/,$(filter-out sluicectl,$(programs)))
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/sluicectl $(BUILD)/sluice-load
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sluice $(BUILD)/steer.bpf.o
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/sluice/web web/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 packaging/man/*.8
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 packaging/man/*.5
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 packaging/man/*.1

deb: ## Debian packages into build/deb (needs debhelper)
	$(Q)packaging/make-deb $(VERSION)
.PHONY: deb

clean: ## remove what was built
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

# ---- what sluicectl makes of the shared files

src_ctl := control-plane/sluicectl_view.c control-plane/edge/figures.c $(wildcard control-plane/sluicectl_why*.c)
cflags_ctl := -Icontrol-plane $(call pc_cflags,jansson)
libs_ctl := ctl pipeline io_plain media contract srtp yaml jansson
$(eval $(call folder_rules,ctl))
$(eval $(call unit_rules,ctl))

# ---- bench

src_load := $(filter-out bench/load/main.c,$(wildcard bench/load/*.c bench/load/*/*.c))
cflags_load := -Ibench/load -Icontrol-plane -Idpdk-app $(call pc_cflags,openssl nice jansson)
libs_load := load sdp core media srtp jansson clients
extern_clients := $(call pc_libs,openssl nice) -lpthread
externs += clients
$(eval $(call folder_rules,load))
$(eval $(call unit_rules,load))

load_main := $(BUILD)/obj/bench/load/main.o
$(load_main): cflags := $(cflags_load)
$(BUILD)/sluice-load: $(load_main) $(call archives,load sdp core media)
	$(call say,LD,$(notdir $@))
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(load_main) $(call link,$(libs_load)) -lm
all: $(BUILD)/sluice-load

src_pktgen := $(filter-out bench/pktgen/main.c,$(wildcard bench/pktgen/*.c))
cflags_pktgen := -Ibench/pktgen -Ibench/load -Idpdk-app $(call pc_cflags,jansson)
libs_pktgen := pktgen load media srtp jansson
$(eval $(call folder_rules,pktgen))
$(eval $(call unit_rules,pktgen))

pktgen_main := $(BUILD)/obj/bench/pktgen/main.o
$(pktgen_main): cflags := $(cflags_pktgen)
$(BUILD)/sluice-pktgen: $(pktgen_main) $(call archives,pktgen load media)
	$(call say,LD,$(notdir $@))
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(pktgen_main) $(call link,$(libs_pktgen))
all: $(BUILD)/sluice-pktgen

bench: $(BUILD)/bench/media/forward $(BUILD)/bench/media/seal $(BUILD)/bench/media/crowd ## quick figures of this machine, beside the goals
	$(Q)BUILD=$(BUILD) bench/run.sh
	$(Q)[ "$$(id -u)" != 0 ] || packaging/deps.sh bench
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) bench/compare/compare.sh --quick || [ $$? = 77 ]
.PHONY: bench
