package rules

import (
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
)

// Every rule finds the faults that are planted in testdata, in lines that say "want",
// and nothing else there.
func TestPlantedFaultsAreFound(t *testing.T) {
	folder := analysistest.TestData()
	for _, rule := range All() {
		if rule.Doc == "" || rule.Name == "" {
			t.Errorf("rule %q has no name or says nothing", rule.Name)
		}
	}
	analysistest.Run(t, folder, all(), "espalier/room", "espalier/runtime", "espalier/train", "espalier/cmd/tool")
}

// all is one analyzer of all rules, since a file has faults of several.
func all() *analysis.Analyzer {
	return &analysis.Analyzer{Name: "all", Doc: "all rules", Run: func(p *analysis.Pass) (any, error) {
		for _, rule := range All() {
			of := *p
			of.Analyzer = rule
			if _, err := rule.Run(&of); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}}
}
