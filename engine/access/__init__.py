"""Who may do what: policy, links, approvals, the agent's identity."""
