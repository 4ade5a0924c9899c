"""What the `paydown` command shows. Text from outside is printed as text, never as markup."""
