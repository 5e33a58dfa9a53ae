# Every target is one readable line; CI runs `make ci`.
GO ?= go
export CGO_ENABLED ?= 0

build:      ; $(GO) build -trimpath -o bin/lladav ./cmd/lladav
test:       ; ./test.sh
race:       ; CGO_ENABLED=1 $(GO) test -race ./...
purego:     ; $(GO) test -tags purego ./...
generate:   ; $(GO) generate ./... && git diff --exit-code
lint:       ; ./scripts/lint.sh
cross:      ; ./scripts/cross.sh
fuzz:       ; ./scripts/fuzz.sh 10s
bench:      ; $(GO) test -run XXX -bench . -benchtime 200ms ./internal/kernel ./internal/diffuse
cover:      ; $(GO) test -cover ./...
ci:         ; .ci/run
# Slow or networked: real tokenizers, the hub's own tools, the safetensors library, PyTorch and llama.cpp.
conformance: ; ./scripts/token-conformance.sh && ./scripts/hub-interop.sh && ./scripts/safetensors-interop.sh && ./scripts/peft-interop.sh && ./scripts/lmms-eval-interop.sh
.PHONY: build test race purego generate lint cross fuzz bench cover ci conformance
