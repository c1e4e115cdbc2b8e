package links

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// planted is a repository whose references lead somewhere, but for the lines that
// say BAD.
var planted = map[string]string{
	"README.md": "# A title: `code` & more\n\n## Twice\n\n## Twice\n\n" +
		"[a page](docs/page.md), [a heading](docs/page.md#the-one-idea), [here](#a-title-code--more), [second](#twice-1), [away](https://x.test/none.md)\n" +
		"[BAD file](docs/gone.md)\n" +
		"[BAD heading](docs/page.md#gone), [BAD here](#thrice)\n" +
		"`room/a.go`, `room/*_b.go`, `room`, `a.go`, `data/*/x` and `runs/x`; `room.Known`, `Thing.Method`, `Thing.Field`, `room.Thing.Field`, `others.Name`, `room/deep.Deep`\n" +
		"BAD paths `room/gone.go`, `room/gone`, `gone/x.go`, `gone.go`, `room/gone_*.go`\n" +
		"BAD names `room.Gone`, `Thing.Gone`, `room.Thing.Gone`, `room/deep.Gone`\n" +
		"```\n[no link](gone.md) `room/gone.go`\n```\n",
	"docs/page.md":        "## The one idea\n\n[up](../README.md) `../README.md`\n",
	"CHANGELOG.md":        "`room/gone.go` was there; [BAD still a link](gone.md)\n",
	"node_modules/x/a.md": "[no concern](of-ours.md)\n",
	".env/x.md":           "[no concern](of-ours.md)\n",
	"room/deep/deep.go":   "package deep\n\ntype Deep struct{}\n",
	"room/x_b.go":         "package room\n",
	"room/a_test.go":      "package room\n\n// helper is for tests, see [helper] and [Known].\nfunc helper() {}\n",
	"other/other.go":      "package other\n\nimport \"strings\"\n\n// Other uses [strings.Builder], [BAD.Name] as [room.Known], [room.Thing.Method], [espalier/room/deep].\n// BAD [room.Gone], [*room.Gone], [nowhere.Name], [espalier/room/gone]\nvar Other strings.Builder\n",
	"room/a.go": "// Package room has [Known] and [Thing.Method], [Method] is BAD; docs/page.md tells more.\n" +
		"//\n//\t[Example] in code is none, x[Index] neither\n" +
		"package room\n\n" +
		"// Known is of [batch, n], [n] and [Field] numbers, [Thing.Field].\nfunc Known() {}\n\n" +
		"// Thing embeds nothing. It is written as BAD docs/gone.md and gone.go say.\ntype Thing struct {\n" +
		"\tField int // BAD: [Thing.Gone]\n}\n\n// Method is [*Thing]'s.\nfunc (*Thing) Method() {\n\t// [Gone] here is not documentation\n}\n",
}

func TestPlantedFaultsAreFound(t *testing.T) {
	root := t.TempDir()
	for name, content := range planted {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		got = append(got, f.String())
	}
	want := []string{
		"CHANGELOG.md:1: there is no file gone.md",
		"README.md:8: there is no file docs/gone.md",
		"README.md:9: README.md has no heading #thrice",
		"README.md:9: docs/page.md has no heading #gone",
		"README.md:11: there is no gone.go",
		"README.md:11: there is no gone/x.go",
		"README.md:11: there is no room/gone",
		"README.md:11: there is no room/gone.go",
		"README.md:11: there is no room/gone_*.go",
		"README.md:12: no type Thing has Gone",
		"README.md:12: package room has no Gone",
		"README.md:12: package room has no Thing.Gone",
		"README.md:12: there is no room/deep.Gone",
		"other/other.go:5: the doc link [BAD.Name] leads nowhere",
		"other/other.go:6: the doc link [*room.Gone] leads nowhere",
		"other/other.go:6: the doc link [espalier/room/gone] leads nowhere",
		"other/other.go:6: the doc link [nowhere.Name] leads nowhere",
		"other/other.go:6: the doc link [room.Gone] leads nowhere",
		"room/a.go:1: the doc link [Method] leads nowhere",
		"room/a.go:9: there is no docs/gone.md",
		"room/a.go:9: there is no gone.go",
		"room/a.go:11: the doc link [Thing.Gone] leads nowhere",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, f := range found {
		line := strings.Split(planted[f.File], "\n")[f.Line-1]
		if !strings.Contains(line, "BAD") {
			t.Errorf("%s is no planted fault: %s", f, line)
		}
	}
}
