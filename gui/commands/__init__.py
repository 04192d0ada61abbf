"""What the person can do: menus, toolbar, shortcuts."""
