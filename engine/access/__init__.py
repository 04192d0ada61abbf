"""Access control: decisions, links, approvals, the agent's identity."""
