package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// The exit code by which @pulumi/pulumi says that the user has already been told what is wrong.
const exitedAfterUserMessage = 32

// Run runs the program of a stack to its end.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()

	args := []string{
		"--monitor", req.GetMonitorAddress(),
		"--engine", h.engineAddress,
		"--organization", req.GetOrganization(),
		"--project", req.GetProject(),
		"--root-directory", req.GetInfo().GetRootDirectory(),
		"--stack", req.GetStack(),
		"--pwd", req.GetInfo().GetProgramDirectory(),
		"--parallel", strconv.Itoa(int(req.GetParallel())),
	}
	if req.GetDryRun() {
		args = append(args, "--dry-run")
	}
	args = append(append(args, req.GetInfo().GetEntryPoint()), req.GetArgs()...)
	cmd, err := node(ctx, req.GetInfo(), "cmd/run", args...)
	if err != nil {
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	}
	config, err := asJSON(req.GetConfig(), "{}")
	if err != nil {
		return nil, err
	}
	secretKeys, err := asJSON(req.GetConfigSecretKeys(), "[]")
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, "PULUMI_CONFIG="+config, "PULUMI_CONFIG_SECRET_KEYS="+secretKeys)
	// Not the files themselves: Node makes a pipe it inherits non-blocking, for the engine's other writers too.
	cmd.Stdout, cmd.Stderr = struct{ io.Writer }{os.Stdout}, struct{ io.Writer }{os.Stderr}

	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == exitedAfterUserMessage:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case errors.As(err, &exit):
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %s", exit)}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("could not run node: %s", err)}, nil
	}
}

func asJSON[T map[string]string | []string](value T, empty string) (string, error) {
	if len(value) == 0 {
		return empty, nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

// GetRequiredPackages names the plugins of the packages that the program has installed.
func (h *host) GetRequiredPackages(
	_ context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	response := &pulumirpc.GetRequiredPackagesResponse{}
	modules, err := locate(req.GetInfo().GetProgramDirectory(), "node_modules")
	if err != nil {
		return response, nil // Run says what is missing.
	}
	for _, pattern := range []string{"*/package.json", "@*/*/package.json"} {
		files, err := filepath.Glob(filepath.Join(modules, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if plugin, err := pluginOf(file); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			} else if plugin != nil {
				response.Packages = append(response.Packages, plugin)
			}
		}
	}
	return response, nil
}

// pluginOf reads which resource plugin the package of a package.json needs; nil when it needs none.
func pluginOf(file string) (*pulumirpc.PackageDependency, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Name, Version string
		Pulumi        struct {
			Resource              bool
			Name, Version, Server string
		}
	}
	// Some packages ship manifests that are no manifests: only those for Pulumi must be sound.
	if err := json.Unmarshal(text, &manifest); err != nil || !manifest.Pulumi.Resource {
		return nil, nil
	}
	plugin := manifest.Pulumi
	if plugin.Name == "" {
		name, official := strings.CutPrefix(manifest.Name, "@pulumi/")
		if !official {
			return nil, errors.New("pulumi.name is missing")
		}
		plugin.Name = name
	}
	if plugin.Version == "" {
		plugin.Version = manifest.Version
	}
	return &pulumirpc.PackageDependency{
		Name:    plugin.Name,
		Kind:    "resource",
		Version: "v" + strings.TrimPrefix(plugin.Version, "v"),
		Server:  plugin.Server,
	}, nil
}
