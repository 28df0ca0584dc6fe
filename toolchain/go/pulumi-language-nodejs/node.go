package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/shlex"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// node prepares a Node.js process that runs a script of @pulumi/pulumi, found as Node would from the program's folder,
// under the runtime options of its project file.
func node(ctx context.Context, info *pulumirpc.ProgramInfo, script string, args ...string) (*exec.Cmd, error) {
	path, err := locate(info.GetProgramDirectory(), filepath.Join("node_modules", "@pulumi", "pulumi", script))
	if err != nil {
		return nil, err
	}
	options := info.GetOptions().GetFields()
	nodeArgs, err := shlex.Split(options["nodeargs"].GetStringValue())
	if err != nil {
		return nil, fmt.Errorf("runtime option nodeargs: %w", err)
	}
	cmd := exec.CommandContext(ctx, "node", append(append(nodeArgs, path), args...)...)
	cmd.Env = os.Environ()
	if typescript, set := options["typescript"]; !set || typescript.GetBoolValue() {
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if tsconfig := options["tsconfig"].GetStringValue(); tsconfig != "" {
		cmd.Env = append(cmd.Env, "PULUMI_NODEJS_TSCONFIG_PATH="+tsconfig)
	}
	// A program that is interrupted may still say why it stops.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd, nil
}

// locate finds name in folder or the nearest folder above it.
func locate(folder, name string) (string, error) {
	for at := folder; ; at = filepath.Dir(at) {
		path := filepath.Join(at, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no %s in %s or above: install the project's packages (npm ci)", name, folder)
		}
	}
}
