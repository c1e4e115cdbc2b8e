package espalier

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says what each room may import of ours, directly. It is the table of
// docs/design.md.
var arrows = map[string][]string{
	"tensor":              {},
	"onnx":                {"tensor", "internal/nearest"},
	"schema":              {},
	"text":                {"text/subword"},
	"text/subword":        {},
	"safetensors":         {"tensor"},
	"pretrained/peft":     {"internal/atomicfile", "internal/nearest", "safetensors", "tensor"},
	"examples/demo":       {},
	"internal/atomicfile": {},
	"internal/hugepage":   {},
	"internal/moments":    {},
	"internal/procfs":     {},
	"internal/nearest":    {},
	"setting":             {"internal/nearest"},
	"internal/lint/links": {},
	"internal/lint/rules": {},
	"builder":             {"tensor", "onnx"},
	"builder/grad":        {"builder", "tensor"},
	"builder/nn":          {"builder", "tensor"},
	"input":               {"schema", "setting", "task", "tensor", "text"},
	"pretrained":          {"builder", "builder/nn", "internal/nearest", "safetensors", "tensor"},
	"models":              {"builder", "builder/grad", "builder/nn", "pretrained", "schema", "task", "tensor", "setting", "input"},
	"compare":             {"compare/baseline", "data", "internal/atomicfile", "recipe", "runtime", "train", "train/score", "metric"}, // and the root
	"compare/baseline":    {"data", "schema", "task", "tensor", "text", "train/score", "metric", "train", "input"},
	"data":                {"data/source", "setting", "task", "schema", "tensor", "text", "internal/moments", "internal/nearest"},
	"recipe":              {"data", "models", "pretrained", "pretrained/peft", "schema", "task", "train", "train/balance", "metric", "train/progress", "train/sample", "train/threshold", "internal/nearest", "text", "data/source", "setting", "train/optim", "input"},
	"train":               {"internal/nearest", "internal/procfs", "setting", "data", "models", "runtime", "safetensors", "schema", "task", "tensor", "train/balance", "metric", "train/optim", "train/progress", "train/sample", "train/score", "train/step", "train/threshold"},
	"train/step":          {"builder", "builder/grad", "internal/hugepage", "models", "onnx", "runtime", "schema", "task", "tensor", "text", "train/balance", "train/optim", "train/progress"},
	"train/score":         {"data", "metric", "schema", "task", "tensor"},
	"train/threshold":     {},
	"train/balance":       {"internal/nearest", "setting"},
	"data/source":         {"schema", "setting", "text", "internal/nearest"},
	"train/sample":        {"internal/nearest", "setting"},
	"train/progress":      {"internal/nearest", "setting"},
	"train/optim":         {"internal/hugepage", "setting"},
	"metric":              {"schema"},
	"task":                {"internal/nearest", "metric", "schema", "setting", "tensor", "text", "internal/moments"},
	"export":              {"builder", "internal/atomicfile", "models", "onnx", "schema", "task", "tensor", "text", "text/subword", "input"},
	"export/verify":       {"onnx", "runtime", "schema", "task", "tensor", "text", "input"},
	"runtime":             {"tensor"},
	"runtime/ort":         {"onnx", "runtime", "runtime/ort/internal/native", "tensor"},
	"runtime/ort/install": {"internal/atomicfile", "runtime/ort"},
	"runtime/gonum":       {"onnx", "runtime", "tensor"},
	"runtime/predict":     {"onnx", "runtime", "schema", "task", "tensor", "text", "input"},
	"runtime/enginetest":  {"onnx", "runtime", "tensor"},
}

// list runs go list and returns its lines.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	seen := map[string]bool{}
	for _, line := range list(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...") {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], "espalier/")
		seen[room] = true
		allowed, ok := arrows[room]
		if !ok {
			continue // the root, the command, benchmarks and generators may import everything
		}
		for _, path := range fields[1:] {
			of, ours := strings.CutPrefix(path, "espalier/")
			if ours && !slices.Contains(allowed, of) {
				t.Errorf("%s imports %s, which docs/design.md does not allow", room, of)
			}
		}
	}
	for room := range arrows {
		if !seen[room] {
			t.Errorf("docs/design.md has a room %s that does not exist", room)
		}
	}
}

func TestPredictingPullsInNoTrainer(t *testing.T) {
	for _, engine := range []string{"./runtime/ort", "./runtime/gonum"} {
		for _, dep := range list(t, "-deps", "./runtime/predict", engine) {
			for _, heavy := range []string{"espalier/builder", "espalier/train", "espalier/models", "espalier/data", "github.com/spf13/cobra", "github.com/schollz", "go.yaml.in"} {
				if strings.HasPrefix(dep, heavy) {
					t.Errorf("a program with runtime/predict and %s pulls in %s", engine, dep)
				}
			}
		}
	}
}
