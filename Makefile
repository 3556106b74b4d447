# The front door. Each target does its own set-up; `make help` lists them.
PRESET ?= release
BUILD = build/$(PRESET)
JOBS ?= $(shell nproc)
# Tests of servers mostly wait.
TESTS ?= $(shell expr 2 \* $(JOBS))
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup build demo test check format format-check lint layers golden-accept sim asan tsan coverage fuzz bench install package clean

help:            ## this list
	@sed -n 's/^\([a-z-]*\): *[^#]*## *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup:           ## install the Debian packages that are missing
	@tools/setup

build: setup     ## build everything into build/release (PRESET=debug, asan, tsan, coverage)
	@tools/build $(PRESET) -j $(JOBS)

demo:            ## four shards, a shop of 1,000,000 orders, on 127.0.0.1:6432 (ENGINE=postgres, PORT=, DEMO=once)
	@tools/demo

test: build      ## build, then run every test against real servers
	@tools/setup --if-possible clients
	@cd $(BUILD) && ctest --output-on-failure -j $(TESTS) $(if $(LABEL),-L $(LABEL))

check: setup     ## everything a change must pass: format, lint, layers, coroutines, build, every test
	@tools/setup check
	@$(MAKE) format-check layers
	@$(MAKE) test
	@$(MAKE) lint

format:          ## lay out the code by .clang-format
	@tools/setup check
	@git ls-files '*.cpp' '*.hpp' '*.c' '*.h' | xargs clang-format-14 -i

format-check:
	@git ls-files '*.cpp' '*.hpp' '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror

layers:          ## no room includes one that stands below it; no coroutine that g++ 12 miscompiles
	@python3 tools/check_layers.py
	@python3 tools/make_errors_page.py --check
	@python3 tools/make_sql_page.py --check
	@test ! -f tools/check_coroutines.py || { python3 tools/check_coroutines.py --self-test >/dev/null && python3 tools/check_coroutines.py; }

lint: setup      ## clang-tidy over src and include (FILES=… for some)
	@tools/lint $(BUILD) $(FILES)

golden-accept: build ## rewrite the golden files with what comes out now; read the diff
	@cd $(BUILD) && ASHLAR_GOLDEN_ACCEPT=1 ctest -L golden --output-on-failure; git -C $(CURDIR) diff --stat -- tests/golden

sim: build       ## the simulation; SEED=81 plays one again
	@cd $(BUILD) && $(if $(SEED),ASHLAR_SEED=$(SEED)) ctest -L sim --output-on-failure

asan:            ## every test under AddressSanitizer and UBSan
	@$(MAKE) test PRESET=asan

tsan:            ## every test under ThreadSanitizer
	@$(MAKE) test PRESET=tsan

coverage:        ## line coverage of the tests, as text
	@tools/setup check
	@$(MAKE) test PRESET=coverage
	@gcovr -r . --object-directory build/coverage -e tests -e bench -s | tail -n 40

fuzz:            ## each fuzz target for SECONDS (60) seconds
	@tools/setup build check
	@tools/fuzz $(or $(SECONDS),60) $(TARGET)

bench: build     ## every measurement, as ratios to a peer in the same run
	@tools/setup bench
	@tools/bench $(BUILD)

install: build   ## into PREFIX (/usr/local)
	@cmake --install $(BUILD) --prefix $(or $(PREFIX),/usr/local)

package: build   ## a Debian package and a tarball in build/
	@cd $(BUILD) && cpack -G "DEB;TGZ" -B $(CURDIR)/build/packages
	@ls build/packages/*.deb build/packages/*.tar.gz

clean:           ## remove build/
	@rm -rf build
