"""What every room uses: passages and locators, tokens, settings, errors, retries."""
