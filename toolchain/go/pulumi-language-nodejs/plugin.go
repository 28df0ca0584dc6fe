package main

import (
	"fmt"
	"strconv"

	sdk "github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// RunPlugin runs a policy pack or a plugin that is written for Node.js, and streams what it prints.
func (h *host) RunPlugin(req *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	defer closer.Close()
	ctx, folder := stream.Context(), req.GetInfo().GetProgramDirectory()

	if req.GetKind() != string(apitype.AnalyzerPlugin) {
		cmd, err := node(ctx, req.GetInfo(), "cmd/run-plugin", append([]string{folder}, req.GetArgs()...)...)
		if err != nil {
			return err
		}
		cmd.Env = append(cmd.Env, req.GetEnv()...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = req.GetPwd(), stdout, stderr
		return cmd.Run()
	}

	// A pack expects the stack in its environment, and the engine tells it only once it is connected: the proxy
	// answers the engine until then.
	proxy, stdout, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return fmt.Errorf("stand in for the policy pack: %w", err)
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return fmt.Errorf("wait for the stack that the policy pack is about: %w", err)
	}
	cmd, err := node(ctx, req.GetInfo(), "cmd/run-policy-pack", append(req.GetArgs(), folder)...)
	if err != nil {
		return err
	}
	env, err := stackEnvironment(stack)
	if err != nil {
		return err
	}
	cmd.Env = append(append(cmd.Env, req.GetEnv()...), env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, stdout, stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the policy pack in %s: %w", folder, err)
	}
	return proxy.Attach(ctx, cmd)
}

func stackEnvironment(stack *pulumirpc.AnalyzerStackConfigureRequest) ([]string, error) {
	if stack == nil {
		return nil, nil
	}
	config, err := asJSON(stack.GetConfig(), "{}")
	if err != nil {
		return nil, err
	}
	return []string{
		"PULUMI_NODEJS_ORGANIZATION=" + stack.GetOrganization(),
		"PULUMI_NODEJS_PROJECT=" + stack.GetProject(),
		"PULUMI_NODEJS_STACK=" + stack.GetStack(),
		"PULUMI_NODEJS_DRY_RUN=" + strconv.FormatBool(stack.GetDryRun()),
		"PULUMI_CONFIG=" + config,
	}, nil
}
