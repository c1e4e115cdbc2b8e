//go:build cgo

package native_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"espalier/runtime/ort/internal/native"
)

// The places of functions in ORT's table are written out in native.c; the
// header that the pinned binding carries says what they must be.
func TestPlacesAreThoseOfTheHeader(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	source, err := os.ReadFile("native.c")
	if err != nil {
		t.Fatal(err)
	}
	places := regexp.MustCompile(`(?m)^  k(\w+) = (\d+),$`).FindAllSubmatch(source, -1)
	if len(places) < 30 {
		t.Fatalf("found only %d places in native.c", len(places))
	}
	var program strings.Builder
	program.WriteString("#include <stddef.h>\n#include \"onnxruntime_c_api.h\"\n")
	check := func(condition, what string) {
		fmt.Fprintf(&program, "_Static_assert(%s, \"%s\");\n", condition, what)
	}
	for _, p := range places {
		field := strings.Replace(string(p[1]), "TypeAndShapeHas", "TypeAndShape_Has", 1)
		check(fmt.Sprintf("offsetof(OrtApi, %s) == %s * sizeof(void *)", field, p[2]), field)
	}
	check(fmt.Sprintf("ORT_API_VERSION == %d", native.APIVersion), "version of the interface")
	check("ONNX_TYPE_TENSOR == 1 && ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING == 8", "types")
	check("OrtArenaAllocator == 1 && OrtMemTypeDefault == 0", "memory")
	check("ORT_LOGGING_LEVEL_FATAL == 4", "logging")
	check(fmt.Sprintf("ORT_FAIL == %d && ORT_INVALID_ARGUMENT == %d", native.CodeFail, native.CodeInvalidArgument), "codes")
	check("sizeof(enum ONNXTensorElementDataType) == sizeof(int) && sizeof(bool) == sizeof(_Bool)", "sizes")

	file := filepath.Join(t.TempDir(), "layout.c")
	if err := os.WriteFile(file, []byte(program.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cc := exec.Command("cc", "-fsyntax-only", "-I", strings.TrimSpace(string(out)), file)
	if out, err := cc.CombinedOutput(); err != nil {
		t.Errorf("native.c and the header differ:\n%s", out)
	}
}
