# The commands of the project. Each sets up what it needs: missing Debian packages, .venv, the build.
#   make demo         run the dialogue scenario on the embedded broker
#   make test         every test: C++, Python, foreign clients and brokers, style, dependencies
#   make check        the quick part of it, before a commit
#   make bench        the figures we claim about speed
#   make asan, tsan   the C++ and the Python tests under sanitizers
#   make fuzz         hostile bytes at codec, broker and client, a minute for each target
#   make fresh-check  demo and test in a bare Debian root (needs root; some minutes)
#   make clean        remove what was built; `make distclean` also .venv
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help demo test check bench asan tsan fuzz fresh-check clean distclean packages test-packages

help:
	@sed -n '2,$$ { /^#/!q; s/^#   //p }' Makefile

demo: build/.installed
	.venv/bin/mqtt-sim scenarios/episode4.json

test: build/.installed build/node/.ready | test-packages
	scripts/test

check: build/.installed
	scripts/check

bench: build/.installed | test-packages
	.venv/bin/python bench/measure.py

asan: .venv/.ready build/node/.ready | test-packages
	scripts/sanitize asan

tsan: .venv/.ready build/node/.ready | test-packages
	scripts/sanitize tsan

fuzz: .venv/.ready
	scripts/fuzz

fresh-check:
	scripts/fresh-check

clean:
	rm -rf build

distclean: clean
	rm -rf .venv

# Asked anew each time (it takes a moment), yet no reason to build again.
packages:
	@scripts/setup packages

test-packages:
	@scripts/setup packages test

.venv/.ready: pyproject.toml scripts/setup | packages
	scripts/setup venv

build/node/.ready: tests/interop/peers/package.json tests/interop/peers/package-lock.json | test-packages
	scripts/setup node

# build/.files changes when a source appears or goes away; an editable install knows its modules by name.
BUILD_INPUTS := CMakeLists.txt pyproject.toml $(shell find core cmake python/bindings python/CMakeLists.txt -type f 2>/dev/null)
$(shell mkdir -p build; find core cmake python -type f -not -name '*.pyc' | sort >build/.files.new; \
  cmp -s build/.files.new build/.files || cp build/.files.new build/.files)

build/.installed: .venv/.ready build/.files $(BUILD_INPUTS) | packages
	scripts/setup build
