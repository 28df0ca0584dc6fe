package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

func resourceDockerBuildxBuilder() *schema.Resource {
	refuse := func(context.Context, *schema.ResourceData, interface{}) diag.Diagnostics {
		return diag.FromErr(errLeftOut)
	}
	return &schema.Resource{
		CreateContext: refuse,
		ReadContext:   refuse,
		DeleteContext: refuse,
		Schema:        map[string]*schema.Schema{"name": {Type: schema.TypeString, Optional: true, ForceNew: true}},
	}
}
